//! Networks that fail, both ways and one way.
//!
//! Clients can still reach every member: one that was cut off must not answer what it cannot know.

use crate::harness::{cluster::Cluster, load::Load, network::Fault};

/// Calls that a majority must answer while the network is cut, and all of them afterwards.
const MEANWHILE: u64 = 150;
const AFTERWARDS: u64 = 100;

async fn start(size: usize) -> (Cluster, Load) {
    let cluster = Cluster::start(size).await;
    let mut load = cluster.load();
    load.more(AFTERWARDS).await;
    (cluster, load)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_is_replaced() {
    let (mut cluster, mut load) = start(3).await;
    for fault in [Fault::Silent, Fault::Refused] {
        let leader = cluster.leader().await;
        cluster.isolate(leader, fault);
        let others = cluster.others(&[leader]);
        cluster.leader_among(&others).await;
        load.more(MEANWHILE).await;
        cluster.heal();
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hears_all_and_is_heard_by_none_is_replaced() {
    let (mut cluster, mut load) = start(3).await;
    let leader = cluster.leader().await;
    let others = cluster.others(&[leader]);
    for other in &others {
        cluster.network.cut_one_way(leader, *other, Fault::Silent);
    }
    cluster.leader_among(&others).await;
    load.more(MEANWHILE).await;
    cluster.heal();
    load.more(AFTERWARDS).await;
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_heard_by_all_and_hears_none_gives_up() {
    let (mut cluster, mut load) = start(3).await;
    let leader = cluster.leader().await;
    let others = cluster.others(&[leader]);
    for other in &others {
        cluster.network.cut_one_way(*other, leader, Fault::Silent);
    }
    cluster.leader_among(&others).await;
    load.more(MEANWHILE).await;
    cluster.heal();
    load.more(AFTERWARDS).await;
    cluster.verify(load).await;
}

/// Three members in a row: the ends do not see each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_without_its_leader_does_not_stop_the_others() {
    let (mut cluster, mut load) = start(3).await;
    for one_way in [false, true] {
        let leader = cluster.leader().await;
        let follower = cluster.others(&[leader])[0];
        cluster.network.cut_one_way(leader, follower, Fault::Silent);
        if !one_way {
            cluster.network.cut_one_way(follower, leader, Fault::Silent);
        }
        load.more(MEANWHILE).await;
        cluster.heal();
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_are_split_this_way_and_that_way() {
    let (mut cluster, mut load) = start(5).await;
    for fault in [Fault::Refused, Fault::Silent] {
        let leader = cluster.leader().await;
        let few = [leader, cluster.others(&[leader])[0]];
        let many = cluster.others(&few);
        cluster.network.split(&few, &many, fault);
        cluster.leader_among(&many).await;
        load.more(MEANWHILE).await;
        cluster.heal();
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}
