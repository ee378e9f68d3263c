//! A member of etcd 3.6 or later that comes to a cluster in which the v2 API is used.
//!
//! It cannot read such entries and would stop at the first. `cargo xtask mixed --official FOLDER --only newer` runs this with
//! such a release; with an older one, which reads them, there is nothing to see.

use crate::{
    harness::{
        cluster::{Cluster, program},
        member::LIMIT,
        network::Index,
        v2,
    },
    mixed::official,
    v2::answered,
};
use std::{process::Command, time::Duration};
use tokio::time::{Instant, sleep};

const SIZE: usize = 3;
/// The log goes soon after a snapshot was written, and that happens often.
const FLAGS: [&str; 4] = ["--snapshot-count", "20", "--snapshot-catchup-entries", "5"];

/// Major and minor version of the official program.
fn version() -> (u64, u64) {
    let said = Command::new(official()).arg("--version").output().expect("the official etcd can be started");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.lines().find_map(|line| line.strip_prefix("etcd Version: "));
    let mut parts = version.unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

async fn until_logged(cluster: &mut Cluster, index: Index, words: &str) {
    let end = Instant::now() + LIMIT;
    while !cluster.member(index).log().contains(words) {
        assert!(Instant::now() < end, "m{index} does not say {words:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd, 3.6 or later: cargo xtask mixed --official FOLDER --only newer"]
async fn newer_members_take_no_part_while_there_is_anything_of_v2() {
    if version() < (3, 6) {
        eprintln!("nothing to see: the official etcd is {:?}", version());
        return;
    }
    let mut cluster = Cluster::start_with(&program(), SIZE, &FLAGS).await;
    let ours = cluster.indices();
    let urls = cluster.running_urls();
    assert_eq!(answered(&urls[0], "PUT", "/v2/keys/d/a?value=1").await.status, 201);

    // Nothing reaches it: it does not stop, and it does not serve.
    cluster.flags_of_new_members(&[]);
    let newer = cluster.admit(&official(), false).await;
    let leader = cluster.leader_among(&ours).await;
    until_logged(&mut cluster, leader, "cannot read this cluster's v2 entries").await;
    until_logged(&mut cluster, newer, "incompatib").await;
    let mut load = cluster.load();
    for (at, url) in urls.iter().enumerate() {
        assert_eq!(answered(url, "PUT", &format!("/v2/keys/d/{at}?value=1")).await.status, 201);
        load.more(20).await;
    }
    assert!(cluster.member(newer).is_running(), "it has come upon something that it cannot read");
    assert!(!cluster.member(newer).log().contains("ready to serve client requests"));

    // It is let in when there is nothing more of it, by a snapshot.
    assert_eq!(answered(&urls[0], "DELETE", "/v2/keys/d?recursive=true").await.status, 200);
    load.more(100).await;
    cluster.member(newer).ready().await;

    // Then the next write is refused, until it has gone again.
    let refused = v2::ask(&urls[0], "PUT", "/v2/keys/d/b?value=1").await.expect("an answer");
    assert_eq!(refused.status, 500, "{}", refused.body);
    assert!(refused.body.contains("which cannot read v2 entries"), "{}", refused.body);
    cluster.remove(newer).await;
    assert_eq!(answered(&urls[0], "PUT", "/v2/keys/d/c?value=1").await.status, 201);
    cluster.verify(load).await;
}
