//! A data dir with the database of etcd's own server in it.

use crate::{
    state::{connect, forget_engine, go_data_dir, names, read, snap, state_of, write},
    support::Server,
};
use std::fs;

#[tokio::test]
#[cfg(feature = "lmdb")]
async fn the_database_is_installed_and_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let (state, _) = go_data_dir(dir.path(), &[]).await;
    forget_engine(dir.path());
    let database = fs::read(snap(dir.path()).join("db")).expect("read");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(state_of(&server).await, state);
    server.kill();
    assert_eq!(fs::read(snap(dir.path()).join("db")).expect("kept"), database);
    // Another engine can take it as well.
    forget_engine(dir.path());
    let server = Server::start(dir.path(), &["--backend", "memory"]);
    assert_eq!(state_of(&server).await, state);
}

#[tokio::test]
#[cfg(feature = "lmdb")]
async fn whichever_is_ahead_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    go_data_dir(dir.path(), &[]).await;
    // Ours goes on, and has no time to write the database.
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server.url()).await;
    write(&channel, "third").await;
    let ahead = read(&channel).await;
    server.kill();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(state_of(&server).await, ahead);
    assert!(server.terminate().success());
    // Now the database stands where the engine does; an engine that lost its directory loses nothing.
    let kept = names(dir.path()).into_iter().find(|name| name.starts_with("lmdb")).expect("an engine");
    let old = snap(dir.path()).join(kept);
    let aside = dir.path().join("aside");
    fs::rename(&old, &aside).expect("moved");
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server.url()).await;
    assert_eq!(read(&channel).await, ahead);
    write(&channel, "fourth").await;
    let newest = read(&channel).await;
    assert!(server.terminate().success());
    // An old engine beside a newer database: what etcd's own server leaves.
    forget_engine(dir.path());
    fs::rename(&aside, &old).expect("moved back");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(state_of(&server).await, newest);
    assert!(!old.exists(), "data that nobody can use is removed");
}

#[tokio::test]
#[cfg(feature = "lmdb")]
async fn a_damaged_database_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    go_data_dir(dir.path(), &[]).await;
    forget_engine(dir.path());
    let path = snap(dir.path()).join("db");
    fs::write(&path, "this is no database").expect("written");
    let refusal = Server::try_start(dir.path(), &[]).err().expect("it does not start");
    assert!(refusal.output.contains(&path.display().to_string()), "{}", refusal.output);
}
