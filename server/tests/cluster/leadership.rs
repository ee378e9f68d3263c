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
