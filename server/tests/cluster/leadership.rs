//! Leadership that is handed on.

use crate::harness::cluster::Cluster;

const CALLS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_moves_to_each_member_in_turn() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    for round in 0..2 {
        for index in cluster.indices() {
            cluster.move_leader(index).await;
            assert_eq!(cluster.leader().await, index, "in round {round}");
            load.more(CALLS).await;
        }
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stopped_has_handed_over_before_it_ends() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    for _ in 0..3 {
        load.more(CALLS).await;
        let leader = cluster.leader().await;
        let others = cluster.others(&[leader]);
        load.forget_pauses();
        cluster.member(leader).terminate().await;
        assert!(cluster.leads_now(&others).await.is_some(), "it ended, and nobody leads");
        load.more(CALLS).await;
        eprintln!("longest pause around the stop: {:?}", load.longest_pause());
        cluster.restart(leader).await;
    }
    cluster.verify(load).await;
}
