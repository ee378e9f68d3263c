//! Members that die, stop and hang, and come back.

use crate::harness::{
    cluster::{Cluster, is_ours, program},
    load::Load,
};

/// Calls that the rest of a cluster must answer while a member is away, and after it has come back.
const MEANWHILE: u64 = 150;
const AFTERWARDS: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_three_is_killed_and_restarted_in_turn() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    load.more(AFTERWARDS).await;
    for index in cluster.indices() {
        cluster.kill(index);
        load.more(MEANWHILE).await;
        cluster.restart(index).await;
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_three_is_stopped_and_restarted_in_turn() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    load.more(AFTERWARDS).await;
    for index in cluster.indices() {
        cluster.member(index).terminate().await;
        load.more(MEANWHILE).await;
        cluster.restart(index).await;
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_three_are_killed_at_once_again_and_again() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    for _ in 0..3 {
        load.more(MEANWHILE).await;
        all_at_once(&mut cluster).await;
    }
    load.more(AFTERWARDS).await;
    cluster.verify(load).await;
}

/// What an engine is asked to keep is the same for all of them, so they hash alike.
#[cfg(all(feature = "lmdb", feature = "sled"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_member_has_another_engine() {
    if !is_ours() {
        return;
    }
    let engines: [&[&str]; 3] = [&["--backend", "lmdb"], &["--backend", "sled"], &["--backend", "memory"]];
    let mut cluster = Cluster::start_each(&program(), &engines).await;
    let mut load = cluster.load();
    for index in cluster.indices() {
        load.more(AFTERWARDS).await;
        cluster.kill(index);
        load.more(AFTERWARDS).await;
        cluster.restart(index).await;
    }
    load.more(AFTERWARDS).await;
    cluster.verify(load).await;
}

async fn all_at_once(cluster: &mut Cluster) {
    let all = cluster.indices();
    for index in &all {
        cluster.kill(*index);
    }
    for index in &all {
        cluster.member(*index).launch();
    }
    for index in &all {
        cluster.member(*index).ready().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_five_are_killed_the_leader_among_them() {
    let mut cluster = Cluster::start(5).await;
    let mut load = cluster.load();
    load.more(AFTERWARDS).await;
    for _ in 0..2 {
        let leader = cluster.leader().await;
        let other = cluster.others(&[leader])[0];
        load.forget_pauses();
        cluster.kill(leader);
        cluster.kill(other);
        load.more(MEANWHILE).await;
        eprintln!("longest pause around the kill: {:?}", load.longest_pause());
        cluster.restart(other).await;
        cluster.restart(leader).await;
        load.more(AFTERWARDS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hangs_is_replaced_and_comes_back() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    for _ in 0..2 {
        hang_leader(&mut cluster, &mut load).await;
    }
    cluster.verify(load).await;
}

async fn hang_leader(cluster: &mut Cluster, load: &mut Load) {
    load.more(AFTERWARDS).await;
    let leader = cluster.leader().await;
    cluster.member(leader).pause();
    let others = cluster.others(&[leader]);
    cluster.leader_among(&others).await;
    load.more(MEANWHILE).await;
    cluster.member(leader).resume();
    load.more(AFTERWARDS).await;
}
