//! Clusters that grow and shrink under load, learners, and members that are replaced.

use crate::harness::{
    ask,
    cluster::{Cluster, program},
    network::Fault,
};

const CALLS: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_grows_to_five_and_shrinks_to_three() {
    let mut cluster = Cluster::start(1).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    for _ in 0..4 {
        cluster.add(&program()).await;
        load.more(CALLS).await;
    }
    // A follower first, then the leader.
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader])[0];
    cluster.remove(follower).await;
    load.more(CALLS).await;
    let leader = cluster.leader().await;
    cluster.remove(leader).await;
    load.more(CALLS).await;
    assert_eq!(cluster.indices().len(), 3);
    cluster.verify(load).await;
}

/// A leader that was alone has nobody to ask before a read; one that has got others must ask them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_alone_asks_the_others_before_it_answers_a_read() {
    let mut cluster = Cluster::start(1).await;
    let founder = cluster.leader().await;
    let url = cluster.member(founder).url();
    // From here on it knows that it may answer alone.
    ask::put(&url, "key", "old").await.expect("a lone member writes");
    ask::get(&url, "key").await.expect("a lone member reads");
    for _ in 0..2 {
        cluster.add(&program()).await;
    }
    cluster.isolate(founder, Fault::Silent);
    // Whatever the others may write from now on, it cannot know.
    let answer = ask::get(&url, "key").await;
    assert!(answer.is_err(), "a linearizable read was answered without the others: {answer:?}");
    let others = cluster.others(&[founder]);
    let leader = cluster.leader_among(&others).await;
    let url = cluster.member(leader).url();
    ask::put(&url, "key", "new").await.expect("the majority writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_member_is_replaced_by_a_new_one() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    for _ in 0..2 {
        let leader = cluster.leader().await;
        cluster.kill(leader);
        load.more(CALLS).await;
        let removed = cluster.remove(leader).await;
        cluster.add(&program()).await;
        // It was dead when it was removed, and knows nothing of it.
        removed.comes_back_and_is_told().await;
        load.more(CALLS).await;
    }
    cluster.verify(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_catches_up_and_gets_a_vote() {
    let mut cluster = Cluster::start(3).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    let learner = cluster.add_learner(&program()).await;
    load.more(CALLS).await;
    cluster.promote(learner).await;
    load.more(CALLS).await;
    // With four voters, three must live: the new one has to do its part.
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader, learner])[0];
    cluster.kill(follower);
    load.more(CALLS).await;
    cluster.restart(follower).await;
    cluster.move_leader(learner).await;
    load.more(CALLS).await;
    cluster.verify(load).await;
}
