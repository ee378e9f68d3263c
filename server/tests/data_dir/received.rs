//! A start that finds a snapshot which was received and never installed.

use crate::{
    state::{forget_engine, go_data_dir, names, snap, state_of},
    support::Server,
};
use std::{fs, path::Path};

/// Leaves the dir as a kill does between the receipt of a snapshot and its installation. Answers with the
/// database's name.
fn kill_before_install(dir: &Path, index: u64) -> String {
    forget_engine(dir);
    let name = format!("{index:016x}.snap.db");
    fs::rename(snap(dir).join("db"), snap(dir).join(&name)).expect("renamed");
    name
}

async fn is_installed(backend: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let flags = ["--backend", backend];
    let (state, index) = go_data_dir(dir.path(), &flags).await;
    let database = kill_before_install(dir.path(), index);
    fs::write(snap(dir.path()).join("tmp0123"), "half of a database").expect("written");
    for _ in 0..2 {
        let server = Server::start(dir.path(), &flags);
        assert_eq!(state_of(&server).await, state, "{backend}");
        server.kill();
        let names = names(dir.path());
        assert!(!names.contains(&"tmp0123".to_owned()), "{names:?}");
        // Memory has it nowhere else.
        assert_eq!(names.contains(&database), backend == "memory", "{names:?}");
    }
}

#[tokio::test]
#[cfg(feature = "lmdb")]
async fn lmdb_is_brought_up_to_the_received_snapshot() {
    is_installed("lmdb").await;
}

#[tokio::test]
#[cfg(feature = "sled")]
async fn sled_is_brought_up_to_the_received_snapshot() {
    is_installed("sled").await;
}

#[tokio::test]
async fn memory_is_filled_from_the_received_snapshot_at_every_start() {
    is_installed("memory").await;
}

#[tokio::test]
#[cfg(feature = "lmdb")]
async fn a_missing_or_damaged_snapshot_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let (state, index) = go_data_dir(dir.path(), &[]).await;
    let name = kill_before_install(dir.path(), index);
    let path = snap(dir.path()).join(&name);
    let whole = fs::read(&path).expect("read");
    let cases: [(&str, Option<Vec<u8>>); 4] = [
        ("missing", None),
        ("empty", Some(Vec::new())),
        ("cut short", Some(whole[..whole.len() / 2].to_vec())),
        ("of zeros from the middle on", {
            let mut damaged = whole.clone();
            damaged[2 * 4096..].fill(0);
            Some(damaged)
        }),
    ];
    for (case, content) in cases {
        match content {
            Some(content) => fs::write(&path, content).expect("written"),
            None => fs::remove_file(&path).expect("removed"),
        }
        let refusal = Server::try_start(dir.path(), &[]).err().expect(case);
        assert!(refusal.output.contains(&name), "{case}: {}", refusal.output);
        assert!(!refusal.output.contains("panicked"), "{case}: {}", refusal.output);
    }
    // Nothing of the attempts is in the way of the whole file.
    fs::write(&path, whole).expect("written");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(state_of(&server).await, state);
}
