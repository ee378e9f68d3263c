//! Members too far behind for the log: they get a snapshot.

use crate::harness::{
    ask,
    cluster::{Cluster, program},
    member::SNAPSHOTS_RECEIVED,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The log goes soon after a snapshot was written, and that happens often.
const FLAGS: [&str; 4] = ["--snapshot-count", "50", "--snapshot-catchup-entries", "5"];
/// Calls after which a member that was away is behind the log.
const TOO_MANY: u64 = 500;
const CALLS: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_away_for_long_gets_a_snapshot() {
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    // A leader keeps its log for a while after it has sent a snapshot: it need not send one each time.
    let mut received = 0.0;
    for _ in 0..2 {
        let leader = cluster.leader().await;
        let follower = cluster.others(&[leader])[0];
        cluster.kill(follower);
        load.more(TOO_MANY).await;
        cluster.restart(follower).await;
        load.more(CALLS).await;
        received += cluster.member(follower).metric(SNAPSHOTS_RECEIVED, "");
    }
    assert!(received > 0.0, "it caught up without a snapshot");
    // It has to stand on what it got: with one of the others dead, nothing happens without it.
    let leader = cluster.leader().await;
    cluster.kill(leader);
    load.more(CALLS).await;
    cluster.restart(leader).await;
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_begins_with_a_snapshot_and_survives_a_kill() {
    let mut cluster = Cluster::start_with(&program(), 1, &FLAGS).await;
    let mut load = cluster.load();
    load.more(TOO_MANY).await;
    let mut received = 0.0;
    for _ in 0..2 {
        let new = cluster.add(&program()).await;
        received += cluster.member(new).metric(SNAPSHOTS_RECEIVED, "");
        load.more(CALLS).await;
        cluster.kill(new);
        cluster.restart(new).await;
        load.more(TOO_MANY).await;
    }
    assert!(received > 0.0, "it caught up without a snapshot");
    cluster.verify(load).await;
}

/// Values that make a snapshot large enough to be interrupted.
const FAT_BYTES: usize = 500_000;
const FAT_VALUES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_dies_again_and_again_while_it_gets_a_snapshot() {
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader])[0];
    cluster.kill(follower);
    let url = cluster.member(leader).url();
    let padding = "x".repeat(FAT_BYTES);
    let mut missing = FAT_VALUES;
    for attempt in 0..10 * FAT_VALUES {
        // A new value each time: one whose answer was lost may be there.
        let written = missing > 0 && ask::put(&url, "fat", &format!("{attempt} {padding}")).await.is_ok();
        missing -= usize::from(written);
    }
    assert_eq!(missing, 0, "the leader does not write");
    load.more(TOO_MANY).await;
    for life_ms in [20, 40, 60, 80, 100, 150, 200, 300] {
        cluster.member(follower).launch();
        // How long it lives is what the test varies; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(life_ms)).await;
        cluster.kill(follower);
    }
    cluster.restart(follower).await;
    load.more(CALLS).await;
    cluster.verify(load).await;
    let rubbish = temporary_files(&cluster.member(follower).data_dir());
    assert!(rubbish.is_empty(), "left behind: {rubbish:?}");
}

/// Files and folders whose names say that they were never finished.
fn temporary_files(dir: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(dir).expect("a folder can be read").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let below: Vec<PathBuf> = folders.iter().flat_map(|folder| temporary_files(folder)).collect();
    let unfinished =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("tmp"));
    // The log has its next segment ready under such a name.
    let of_the_log = |path: &PathBuf| path.parent().is_some_and(|parent| parent.ends_with("wal"));
    let all = folders.into_iter().chain(files).filter(|path| unfinished(path) && !of_the_log(path));
    all.chain(below).collect()
}
