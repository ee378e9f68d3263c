//! Commands that are typed line by line, and what stands on the screen besides answers.
//!
//! covers: etcdctl txn --interactive -i
//! covers: etcdctl watch --interactive -i
//! covers: etcdctl snapshot save
//! covers: etcdctl make-mirror --rev --max-txn-ops
//! covers: etcdctl watch --progress-notify

use super::{server::Server, terminal::Terminal};

#[test]
fn a_transaction_is_typed_in() {
    let server = Server::start();
    server.ctl(&["put", "user1", "bad"]);
    let mut terminal = Terminal::open(&server, &["txn", "--interactive"]);
    terminal.expect("compares:\r\n");
    terminal.type_line("value(\"user1\") = \"bad\"");
    terminal.type_line("");
    terminal.expect("success requests (get, put, del):\r\n");
    terminal.type_line("del user1");
    terminal.type_line("");
    terminal.expect("failure requests (get, put, del):\r\n");
    terminal.type_line("put user1 good");
    terminal.type_line("");
    terminal.expect("SUCCESS\r\n\r\n1\r\n");
    assert_eq!(terminal.wait().code(), Some(0));
    assert_eq!(server.ctl(&["get", "user1"]).1, "");
}

#[test]
fn watches_are_typed_in() {
    let server = Server::start();
    let mut terminal = Terminal::open(&server, &["watch", "-i"]);
    terminal.type_line("watch foo --rev=2");
    terminal.type_line("watch bar baz --rev=2");
    server.ctl(&["put", "foo", "one"]);
    terminal.expect("PUT\r\nfoo\r\none\r\n");
    server.ctl(&["put", "bas", "two"]);
    terminal.expect("PUT\r\nbas\r\ntwo\r\n");
    terminal.type_line("unwatch");
    terminal.expect("Invalid command unwatch");
    terminal.interrupt();
    assert!(!terminal.wait().success());
}

#[test]
fn a_snapshot_ends_with_a_clean_line() {
    let server = Server::start();
    let mut terminal = Terminal::open(&server, &["snapshot", "save", "s.db"]);
    terminal.expect("Snapshot saved at s.db\r\n");
    assert_eq!(terminal.wait().code(), Some(0));
    assert!(server.dir.path().join("s.db").exists());
}

#[test]
fn a_mirror_follows_from_a_revision_on() {
    let server = Server::start();
    for value in ["1", "2", "3"] {
        server.ctl(&["put", "a", value]);
    }
    let destination = server.endpoint().to_owned();
    let flags = ["--prefix=a", "--dest-prefix=b", "--rev=3", "--max-txn-ops=1"];
    let mut mirror = Terminal::open(&server, &[&["make-mirror", &destination][..], &flags].concat());
    let mut audience = Terminal::open(&server, &["watch", "b", "--rev=2", "--progress-notify"]);
    audience.expect("PUT\r\nb\r\n2\r\n");
    audience.expect("PUT\r\nb\r\n3\r\n");
    server.ctl(&["del", "a"]);
    audience.expect("DELETE\r\nb\r\n");
    mirror.interrupt();
    assert!(!mirror.wait().success());
}
