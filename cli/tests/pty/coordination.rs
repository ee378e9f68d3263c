//! Locks and elections between terminals.
//!
//! covers: etcdctl lock --ttl
//! covers: etcdctl elect --listen -l

use super::{server::Server, terminal::Terminal};

/// A key of a line: `<name>/<lease in hexadecimal>`.
fn assert_in_line(key: &str, name: &str) {
    let lease = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    assert!(!lease.is_empty() && lease.chars().all(|c| c.is_ascii_hexdigit()), "{key:?}");
}

#[test]
fn the_second_waits_for_the_lock_until_the_first_is_interrupted() {
    let server = Server::start();
    let mut first = Terminal::open(&server, &["lock", "my_mutex1"]);
    let key = first.line();
    assert_in_line(&key, "my_mutex1");
    let mut second = Terminal::open(&server, &["lock", "my_mutex1", "--ttl", "120"]);
    let line = server.wait_for_keys("my_mutex1/", 2);
    assert!(line.contains(&key));
    assert_eq!(second.unseen(), "", "it has the lock, too");

    first.interrupt();
    assert_eq!(first.wait().code(), Some(0));
    let next = second.line();
    assert_in_line(&next, "my_mutex1");
    assert_ne!(next, key);
    second.interrupt();
    assert_eq!(second.wait().code(), Some(0));
    server.wait_for_keys("my_mutex1/", 0);
}

#[test]
fn a_waiter_that_is_interrupted_leaves_nothing_behind() {
    let server = Server::start();
    let mut first = Terminal::open(&server, &["lock", "m"]);
    let key = first.line();
    let mut second = Terminal::open(&server, &["lock", "m"]);
    server.wait_for_keys("m/", 2);
    second.interrupt();
    second.expect("Error: context canceled");
    assert_eq!(second.wait().code(), Some(1));
    assert_eq!(server.wait_for_keys("m/", 1), [key]);
    let (_, leases, _) = server.ctl(&["lease", "list"]);
    assert!(leases.starts_with("found 1 leases"), "{leases}");
}

#[test]
fn a_lock_is_held_while_a_command_runs() {
    let server = Server::start();
    let script = "echo key=$ETCD_LOCK_KEY rev=$ETCD_LOCK_REV; exit 7";
    let (code, out, problem) = server.ctl(&["lock", "m", "--", "sh", "-c", script]);
    assert_eq!((code, problem.as_str()), (Some(7), "Error: exit status 7\n"));
    let (key, revision) = out.trim().strip_prefix("key=").and_then(|o| o.split_once(" rev=")).expect(&out);
    assert_in_line(key, "m");
    assert!(revision.parse::<i64>().is_ok_and(|revision| revision > 1), "{revision}");
    server.wait_for_keys("m/", 0);

    let (code, _, problem) = server.ctl(&["lock", "m", "no-such-program"]);
    let missing = "Error: exec: \"no-such-program\": executable file not found in $PATH\n";
    assert_eq!((code, problem.as_str()), (Some(1), missing));
    server.wait_for_keys("m/", 0);
}

#[test]
fn the_second_leads_when_the_first_is_interrupted() {
    let server = Server::start();
    let mut audience = Terminal::open(&server, &["elect", "--listen", "my_server"]);
    let mut first = Terminal::open(&server, &["elect", "my_server", "p1"]);
    let key = first.line();
    assert_in_line(&key, "my_server");
    assert_eq!(first.line(), "p1");
    assert_eq!((audience.line(), audience.line()), (key.clone(), "p1".to_owned()));

    let mut second = Terminal::open(&server, &["elect", "my_server", "p2"]);
    server.wait_for_keys("my_server/", 2);
    assert_eq!(second.unseen(), "", "it leads, too");
    first.interrupt();
    assert_eq!(first.wait().code(), Some(0));
    let next = second.line();
    assert_ne!(next, key);
    assert_eq!(second.line(), "p2");
    assert_eq!((audience.line(), audience.line()), (next, "p2".to_owned()));

    second.interrupt();
    assert_eq!(second.wait().code(), Some(0));
    server.wait_for_keys("my_server/", 0);
    audience.interrupt();
    assert_eq!(audience.wait().code(), Some(0));
}
