//! A leader that is told to stop. Its clients are sent elsewhere; nobody is given an error.

use crate::harness::{
    ask::{ANSWER_LIMIT, connect, within},
    cluster::{Cluster, is_ours},
};
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use std::sync::Arc;
use tokio::{sync::watch, task::JoinSet};
use tonic::{Code, Status, transport::Channel};

const CLIENTS_PER_MEMBER: usize = 2;
const CALLS: u64 = 100;

/// Writes and reads back, until told to stop or until a call fails. Answers with the failure.
async fn work(
    mut kv: KvClient<Channel>,
    key: String,
    calls: Arc<watch::Sender<u64>>,
    stop: watch::Receiver<bool>,
) -> Result<(), Status> {
    let mut count = 0u64;
    while !*stop.borrow() {
        count += 1;
        let value = count.to_string();
        let put = PutRequest { key: key.clone().into(), value: value.clone().into(), ..Default::default() };
        within(ANSWER_LIMIT, kv.put(put)).await?;
        let range = RangeRequest { key: key.clone().into(), ..Default::default() };
        let found = within(ANSWER_LIMIT, kv.range(range)).await?.kvs.pop().map(|kv| kv.value);
        assert_eq!(found.as_deref(), Some(value.as_bytes()), "the read is older than the write");
        calls.send_modify(|calls| *calls += 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_when_the_leader_is_told_to_stop() {
    if !is_ours() {
        return;
    }
    let mut cluster = Cluster::start(3).await;
    for round in 0..2 {
        let leader = cluster.leader().await;
        let (stop, stopped) = watch::channel(false);
        let (calls, mut called) = watch::channel(0);
        let calls = Arc::new(calls);
        let (mut through_others, mut through_leader) = (JoinSet::new(), JoinSet::new());
        for index in cluster.indices() {
            let url = cluster.member(index).url();
            let clients = if index == leader { &mut through_leader } else { &mut through_others };
            for number in 0..CLIENTS_PER_MEMBER {
                let kv = KvClient::new(connect(&url).await.expect("a member that serves"));
                let key = format!("{round}/{index}/{number}");
                clients.spawn(work(kv, key, calls.clone(), stopped.clone()));
            }
        }
        called.wait_for(|calls| *calls >= CALLS).await.expect("clients at work");
        cluster.member(leader).terminate().await;
        let before = *called.borrow();
        called.wait_for(|calls| *calls >= before + CALLS).await.expect("clients at work");
        stop.send_replace(true);
        while let Some(ended) = through_others.join_next().await {
            ended.expect("no panic").expect("a request through another member failed");
        }
        while let Some(ended) = through_leader.join_next().await {
            // It finds that there is nobody any more: an error of its connection, not one of the member's.
            let refused = ended.expect("no panic").expect_err("the member is gone");
            let of_connection = matches!(refused.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
            assert!(of_connection && !refused.message().contains("etcdserver"), "{refused:?}");
        }
        cluster.restart(leader).await;
    }
}
