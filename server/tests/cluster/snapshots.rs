//! Members too far behind for the log: they get a snapshot.

use crate::harness::{
    cluster::{Cluster, program},
    member::SNAPSHOTS_RECEIVED,
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
