//! The tree over the lives of a member: nothing before it is used, everything afterwards.

use crate::{
    ask::{ask, json},
    support::Server,
};
use std::{fs, io::Read, path::Path};

/// Whether some bytes occur in a file of a directory, or below it.
fn occurs(dir: &Path, bytes: &[u8]) -> bool {
    let entries = fs::read_dir(dir).expect("a directory can be read");
    entries.map(|entry| entry.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            return occurs(&path, bytes);
        }
        let mut content = Vec::new();
        // The rest of a log is room for what comes.
        let read = fs::File::open(&path).and_then(|file| file.take(1 << 20).read_to_end(&mut content));
        read.expect("a file can be read");
        content.windows(bytes.len()).any(|found| found == bytes)
    })
}

/// Keys of records of the tree begin with these bytes; requests in the log name the place of clients' keys.
const RECORD: &[u8] = b"v2/";
const IN_LOG: &[u8] = b"/1/";

#[test]
fn it_weighs_nothing_until_it_is_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let raft_index = |server: &Server| ask(server, "GET", "/v2/keys", "").number("x-raft-index");
    let before = raft_index(&server);
    assert_eq!(json(&server, "GET", "/v2/keys/foo?quorum=true", "").0, 404);
    assert_eq!(ask(&server, "HEAD", "/v2/keys", "").status, 200);
    assert_eq!(raft_index(&server), before, "reads are no entries");
    assert!(server.terminate().success());
    assert!(!occurs(dir.path(), RECORD) && !occurs(&dir.path().join("member/wal"), IN_LOG));
    // The same after a write: so these bytes are what to look for.
    let server = Server::start(dir.path(), &[]);
    assert_eq!(json(&server, "PUT", "/v2/keys/foo", "value=v").0, 201);
    assert!(server.terminate().success());
    assert!(occurs(dir.path(), RECORD) && occurs(&dir.path().join("member/wal"), IN_LOG));
}

#[test]
fn it_survives_a_stop_and_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    // Not the index: a start counts, too, for a member tells its name then.
    let everything = |server: &Server| ask(server, "GET", "/v2/keys?recursive=true&sorted=true", "").text();
    let mut server = Server::start(dir.path(), &[]);
    for round in 0..3 {
        let form = format!("value={round}");
        for path in ["/v2/keys/a", "/v2/keys/d/e/f", "/v2/keys/_hidden"] {
            assert!(json(&server, "PUT", path, &form).0 < 300);
        }
        assert_eq!(json(&server, "POST", "/v2/keys/queue", &form).0, 201);
        let before = everything(&server);
        let (_, last) = json(&server, "GET", "/v2/keys/_hidden", "");
        if round == 1 {
            assert!(server.terminate().success());
        } else {
            server.kill();
        }
        server = Server::start(dir.path(), &[]);
        assert_eq!(everything(&server), before);
        // History is there as well.
        let path = format!("/v2/keys/_hidden?wait=true&waitIndex={}", last["node"]["modifiedIndex"]);
        assert_eq!(json(&server, "GET", &path, "").1["node"]["value"], round.to_string());
    }
}
