//! One data dir, and etcd's official server and ours in turn: each goes on where the other stopped.
//!
//! `cargo xtask mixed` runs this: it fetches the official release and says in `OXETCD_OFFICIAL` where it is.

use crate::{
    state::{State, connect, read, snap, write},
    support::Server,
};
use oxetcd_storage_bolt::Reader;
use std::{path::Path, process::Command};

const TURNS: usize = 3;

/// Starts the member, compares it with what was there, writes, and stops it.
async fn turn(
    program: Option<&Path>,
    dir: &Path,
    ports: (u16, u16),
    before: Option<State>,
    name: &str,
) -> State {
    let (client, peer) = (format!("http://127.0.0.1:{}", ports.0), format!("http://127.0.0.1:{}", ports.1));
    let cluster = format!("m={peer}");
    let flags = [
        "--name",
        "m",
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
        "--initial-cluster",
        &cluster,
        "--snapshot-count",
        "20",
    ];
    let mut command = Command::new(program.unwrap_or(Path::new(env!("CARGO_BIN_EXE_etcd"))));
    command.arg("--data-dir").arg(dir).args(flags);
    let server = Server::launch(command).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
    let channel = connect(&client).await;
    if let Some(before) = before {
        assert_eq!(read(&channel).await, before, "as {name} found it");
    }
    write(&channel, name).await;
    let after = read(&channel).await;
    drop(channel);
    server.terminate();
    let database = Reader::open(snap(dir).join("db")).expect("a database");
    database.check().unwrap_or_else(|damage| panic!("as {name} left it: {damage}"));
    after
}

#[tokio::test]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn one_data_dir_serves_the_official_program_and_ours_in_turn() {
    let official =
        std::env::var_os("OXETCD_OFFICIAL").expect("OXETCD_OFFICIAL names a folder: see `cargo xtask mixed`");
    let official = Path::new(&official).join("etcd");
    let dir = tempfile::tempdir().expect("a folder");
    // The ports must stay the same from turn to turn: they are part of who the member is.
    let ports = (oxetcd_testkit::free_port(), oxetcd_testkit::free_port());
    let mut state = None;
    for number in 0..TURNS {
        state = Some(turn(Some(&official), dir.path(), ports, state, &format!("official{number}")).await);
        state = Some(turn(None, dir.path(), ports, state, &format!("ours{number}")).await);
    }
}
