//! Commands that talk to more than the members of `--endpoints`: to another cluster, or to each member by itself.
//!
//! covers: etcdctl make-mirror --dest-cacert --dest-insecure-transport
//! covers: etcdctl cluster-health --forever
//! covers: etcdctl2 cluster-health --forever
//! covers: etcdctl top --once --depth --limit --sort --interval
//! covers: etcdutl recover --data-dir --dry-run
//! covers: etcdctl2 --discovery-srv
//! covers: etcdctl2 backup --data-dir --wal-dir --backup-dir --backup-wal-dir --with-v3
//! covers: etcdutl migrate-v2 --cacert --cert --key --from-cacert --from-cert --from-key

use super::{
    server::{ETCDCTL, Server},
    terminal::Terminal,
};
use std::process::Command;

const ETCDUTL: &str = env!("CARGO_BIN_EXE_etcdutl");

#[test]
fn a_mirror_can_be_encrypted() {
    let (server, destination) = (Server::start(), Server::start_encrypted());
    server.ctl(&["put", "a", "1"]);
    let address = format!("https://{}", destination.endpoint());
    let certificate = destination.certificate().to_string_lossy().into_owned();
    let trusted = format!("--dest-cacert={certificate}");
    let mut mirror =
        Terminal::open(&server, &["make-mirror", &address, &trusted, "--dest-insecure-transport=false"]);
    let mut audience = Command::new(ETCDCTL)
        .args(["--endpoints", &address, "--cacert", &certificate, "--command-timeout=100s"])
        .args(["watch", "a", "--rev=1", "--", "sh", "-c", "kill -INT $PPID"])
        .spawn()
        .expect("etcdctl can be started");
    // It ends when it has seen the key arrive.
    assert!(!audience.wait().expect("it can be waited for").success());
    mirror.interrupt();
    assert!(!mirror.wait().success());

    let (code, _, problem) = server.ctl(&["make-mirror", &address, "--dest-cacert=/no/such/file"]);
    assert_eq!(
        (code, problem.as_str()),
        (Some(128), "Error: open /no/such/file: no such file or directory\n")
    );
}

#[test]
fn the_health_of_a_cluster_is_asked_from_each_member() {
    let server = Server::start();
    // It tells others an address at which nobody is, or somebody else.
    let (_, members, _) = server.ctl(&["member", "list"]);
    let id = members.split(',').next().expect("there is one").to_owned();
    let (_, said, problem) = server.ctl(&["cluster-health"]);
    assert!(said.contains(&format!("member {id} ")), "{said}{problem}");
    let mut terminal = Terminal::open(&server, &["cluster-health", "--forever"]);
    terminal.expect("next check after 10 second...");
    terminal.interrupt();
    assert_eq!(terminal.wait().code(), Some(0));

    let output = Command::new(ETCDCTL)
        .args(["cluster-health", "--endpoints=127.0.0.1:1", "--command-timeout=1s"])
        .output()
        .expect("etcdctl can be started");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "cluster may be unhealthy: failed to list members\n");
}

#[test]
fn the_largest_prefixes_are_shown_once() {
    let server = Server::start();
    for key in ["a/1", "a/2", "b/1"] {
        server.ctl(&["put", key, "x"]);
    }
    let flags = ["--once", "--depth=1", "--limit=1", "--sort=keys", "--interval=1s"];
    let (code, said, problem) = server.ctl(&[&["top"], &flags[..]].concat());
    assert_eq!(code, Some(0), "{problem}");
    assert!(said.contains(" a/\n") && !said.contains(" b/\n"), "{said}");
}

#[test]
fn recovery_says_what_it_needs() {
    let recover = |args: &[&str]| {
        let output = Command::new(ETCDUTL).arg("recover").args(args).output().expect("it can be started");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, problem) = recover(&["--dry-run"]);
    assert_eq!(code, Some(1));
    assert!(problem.starts_with("Error: required flag(s) \"data-dir\" not set"), "{problem}");
    assert_eq!(recover(&["--data-dir=/no/such", "--dry-run"]).0, Some(1));
}

#[test]
fn version_2_does_not_look_for_members_in_dns() {
    let output = Command::new(ETCDCTL)
        .env("ETCDCTL_API", "2")
        .args(["--discovery-srv=example.invalid", "get", "a"])
        .output()
        .expect("etcdctl can be started");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "discovery by SRV records is not supported with version 2 of the API\n");
}

#[test]
fn the_data_dir_of_a_member_that_stopped_is_copied() {
    let mut server = Server::start();
    server.ctl(&["put", "k", "v"]);
    server.stop();
    let place = |name: &str| server.dir.path().join(name);
    let flag = |name: &str, at: &str| format!("--{name}={}", place(at).display());
    let backup = |args: &[String]| {
        let output = Command::new(ETCDCTL).env("ETCDCTL_API", "2").arg("backup").args(args).output();
        let output = output.expect("etcdctl can be started");
        assert_eq!(output.stdout, b"");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let from = flag("data-dir", "data");
    let (code, said) = backup(&[from.clone(), flag("backup-dir", "copy"), "--with-v3".to_owned()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("copy is made; start it with `etcd --force-new-cluster`\n"), "{said}");
    assert!(place("copy/member/snap/db").is_file() && place("copy/member/wal").is_dir());
    // Logs that are elsewhere.
    std::fs::rename(place("data/member/wal"), place("log")).expect("it is there");
    let elsewhere = [
        from.clone(),
        flag("wal-dir", "log"),
        flag("backup-dir", "second"),
        flag("backup-wal-dir", "second-log"),
    ];
    assert_eq!(backup(&elsewhere).0, Some(0));
    assert!(place("second-log").is_dir() && !place("second/member/wal").exists());
    let (code, said) = backup(&[from.clone(), flag("backup-dir", "third")]);
    assert_eq!(code, Some(1));
    assert!(said.ends_with("data/member/wal: no such file or directory\n"), "{said}");
    assert_eq!(backup(&[from]), (Some(1), "--data-dir and --backup-dir are required\n".to_owned()));
}

#[test]
fn keys_of_version_2_are_not_read_with_files_that_are_missing() {
    let migrate = |args: &[&str]| {
        let output = Command::new(ETCDUTL).arg("migrate-v2").args(args).output().expect("it can be started");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("").to_owned(),
        )
    };
    let missing = "Error: open /no/such: no such file or directory".to_owned();
    let from = "--from=https://127.0.0.1:1";
    assert_eq!(migrate(&[from, "--from-cacert=/no/such"]), (Some(128), missing.clone()));
    assert_eq!(migrate(&[from, "--from-cert=/no/such", "--from-key=/no/such"]), (Some(128), missing.clone()));
    let half = "Error: KeyFile and CertFile must both be present";
    assert!(migrate(&[from, "--from-cert=/no/such"]).1.starts_with(half));
    assert_eq!(migrate(&[]).0, Some(1));
    let no_log = "Error: stat /no/such/member/wal: no such file or directory".to_owned();
    assert_eq!(migrate(&["--data-dir=/no/such", "--cacert=/none"]), (Some(1), no_log.clone()));
    assert_eq!(migrate(&["--data-dir=/no/such", "--cert=/none", "--key=/none"]), (Some(1), no_log));
}
