//! What operators look at: the live picture of the store, and what a recovery would lose.
//!
//! covers: etcdctl top --interval --once --depth --limit --sort

use super::{server::Server, terminal::Terminal};
use std::{fs, path::Path, process::Command};

#[test]
fn top_follows_changes_on_a_terminal() {
    let server = Server::start();
    for key in ["a/1", "a/2", "b/1"] {
        server.ctl(&["put", key, "one"]);
    }
    let mut terminal = Terminal::open(&server, &["top", "--interval=100ms"]);
    terminal.expect("  a/\r\n");
    server.ctl(&["put", "c/1", "two"]);
    terminal.expect("  c/\r\n");
    server.ctl(&["del", "--prefix", "a/"]);
    // The next pictures have three keys less two, and one more.
    terminal.expect("   2 ");
    terminal.interrupt();
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn without_a_terminal_top_shows_one_picture() {
    let server = Server::start();
    for key in ["x/a/1", "x/a/2", "x/b/1", "y"] {
        server.ctl(&["put", key, "one"]);
    }
    let (code, shown, problem) =
        server.ctl(&["top", "x/", "--depth=1", "--limit=1", "--sort=keys", "--interval=100ms"]);
    assert_eq!(code, Some(0), "{problem}");
    let prefixes: Vec<_> =
        shown.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let cells: Vec<_> = prefixes.iter().map(|row| [row[0], row[1], row[row.len() - 1]]).collect();
    assert_eq!(cells, [["3", "24", "(all)"], ["2", "16", "x/a/"], ["1", "8", "others)"]], "{shown}");
    assert_eq!(server.ctl(&["top", "--once", "--sort=nothing"]).0, Some(128));
}

fn recover(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_etcdutl")).arg("recover").args(args).output();
    let output = output.expect("etcdutl can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Copies the log of a member, which may be running.
fn copy_log(from: &Path, to: &Path) {
    let (from, to) = (from.join("member/wal"), to.join("member/wal"));
    fs::create_dir_all(&to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("there is a log") {
        let entry = entry.expect("it can be listed");
        if entry.file_name().to_string_lossy().ends_with(".wal") {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
        }
    }
}

#[test]
fn a_recovery_is_tried_before_it_is_made() {
    let mut server = Server::start();
    server.ctl(&["put", "before", "1"]);
    let (full, early) = (server.dir.path().join("data"), server.dir.path().join("early"));
    copy_log(&full, &early);
    server.ctl(&["put", "after1", "1"]);
    server.ctl(&["del", "after1"]);
    server.stop();
    let dirs = [&early, &full].map(|dir| format!("--data-dir={}", dir.display()));
    let (code, shown, problem) = recover(&["--dry-run", &dirs[0], &dirs[1]]);
    assert_eq!(code, Some(0), "{problem}");
    let (of_early, of_full) = shown.split_once("data: member").expect("both are shown");
    assert!(of_early.contains("1 voters, 2 members here") && of_early.contains("all that clients were told"));
    assert!(
        of_early.contains("lost, though clients were told it is done") && of_early.contains("\"after1\"")
    );
    assert!(
        of_full.contains("<- loses least") && of_full.contains("nothing in these logs is lost"),
        "{shown}"
    );
    // The same again: nothing was changed.
    assert_eq!(recover(&["--dry-run", &dirs[0], &dirs[1]]).0, Some(0));
    let (code, _, problem) = recover(&[&dirs[1]]);
    assert!(code == Some(1) && problem.contains("--force-new-cluster"), "{problem}");
    assert_eq!(recover(&["--dry-run"]).0, Some(1));
    assert_eq!(recover(&["--dry-run", "--data-dir=/nowhere"]).0, Some(1));
}
