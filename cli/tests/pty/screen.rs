//! Colours and bars: on a terminal only, and colours only for those who did not decline them.

use super::{
    server::{PATIENCE, Server},
    terminal::Terminal,
};
use std::time::Instant;

/// The beginning of all that moves or colours.
const ESCAPE: char = '\x1b';
const GREEN: &str = "\x1b[32m";
const PERF: [&str; 3] = ["check", "perf", "--load=s"];

/// What stands on the screen when the bar of `check perf` has been drawn once.
fn bar(no_color: Option<&str>) -> String {
    let server = Server::start();
    let mut environment = vec![("TERM", "xterm-256color"), ("CLICOLOR", "1")];
    environment.extend(no_color.map(|value| ("NO_COLOR", value)));
    let mut terminal = Terminal::open_with(&server, &PERF, &environment);
    let mut shown = terminal.expect("/60 ");
    shown += &terminal.expect("% ");
    terminal.interrupt();
    terminal.wait();
    shown
}

#[test]
fn a_bar_is_coloured_unless_that_is_declined() {
    let green = bar(None);
    assert!(green.contains(GREEN), "{green:?}");
    let plain = bar(Some("1"));
    // The cursor moves, but nothing is coloured: such a sequence ends with an m.
    let sequences = plain.split(ESCAPE).skip(1);
    assert!(
        !sequences.filter_map(|rest| rest.chars().find(char::is_ascii_alphabetic)).any(|end| end == 'm'),
        "{plain:?}"
    );
}

#[test]
fn what_goes_elsewhere_is_plain_text() {
    let server = Server::start();
    let file = server.dir.path().join("s.db").to_string_lossy().into_owned();
    let (code, out, problem) = server.ctl(&["snapshot", "save", &file]);
    assert_eq!(code, Some(0), "{problem}");
    let (table_code, table, table_problem) = server.ctl(&["endpoint", "status", "-w=table"]);
    assert_eq!(table_code, Some(0), "{table_problem}");
    let (_, _, refused) = server.ctl(&["get"]);
    for text in [out, problem, table, table_problem, refused] {
        assert!(!text.contains(ESCAPE) && !text.contains('\r'), "{text:?}");
    }
}

#[test]
fn a_check_that_is_interrupted_leaves_no_key_behind() {
    let server = Server::start();
    let mut terminal = Terminal::open(&server, &["check", "datascale", "--load=s", "--prefix=/scale/"]);
    // As early as can be: with the first key there is something to delete.
    let counted = || server.ctl(&["get", "--prefix", "/scale/", "--count-only", "--write-out=fields"]).1;
    let end = Instant::now() + PATIENCE;
    while counted().contains("\"Count\" : 0\n") {
        assert!(Instant::now() < end, "no key was written");
    }
    terminal.interrupt();
    terminal.wait();
    assert!(counted().contains("\"Count\" : 0\n"), "{}", counted());
}
