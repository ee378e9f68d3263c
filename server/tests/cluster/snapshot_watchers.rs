//! A member that goes on running while it gets a snapshot: its clients' watchers see all that happened, or are
//! told that it cannot be had any more.

use crate::harness::{
    ask,
    cluster::{Cluster, program},
    member::LIMIT,
    network::{Fault, Index},
    verdict::ask_until,
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    CompactionRequest, PutRequest, WatchCreateRequest, WatchRequest, WatchResponse,
    watch_request::RequestUnion,
};
use oxetcd_grpc::etcdserverpb::{kv_client::KvClient, watch_client::WatchClient};
use tonic::Streaming;

const FLAGS: [&str; 4] = ["--snapshot-count", "50", "--snapshot-catchup-entries", "5"];
/// Writes after which a member that missed them is behind the log.
const MISSED: i64 = 300;
const RECEIVED: &str = "etcd_network_snapshot_receive_success";

async fn watch(url: &str) -> Streaming<WatchResponse> {
    let create = WatchCreateRequest { key: Bytes::from_static(b"k"), ..Default::default() };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = tokio_stream::StreamExt::chain(tokio_stream::once(request), tokio_stream::pending());
    let mut client = WatchClient::new(ask::connect(url).await.expect("the member serves"));
    let mut answers = client.watch(requests).await.expect("a watch").into_inner();
    assert!(answer(&mut answers).await.created);
    answers
}

async fn answer(answers: &mut Streaming<WatchResponse>) -> WatchResponse {
    let next = tokio::time::timeout(LIMIT, answers.message()).await.expect("an answer in time");
    next.expect("the stream holds").expect("the stream goes on")
}

/// Writes one key again and again. Answers with the last revision.
async fn write(url: &str) -> i64 {
    let mut kv = KvClient::new(ask::connect(url).await.expect("the leader serves"));
    let mut revision = 0;
    for number in 0..MISSED {
        let put = PutRequest { key: "k".into(), value: number.to_string().into(), ..Default::default() };
        let done = kv.put(put).await.expect("written").into_inner();
        revision = done.header.expect("every answer has a header").revision;
    }
    revision
}

/// Cuts `follower` off, does `meanwhile` at the leader, and lets it come back. Answers with the last revision.
async fn miss(cluster: &mut Cluster, follower: Index, leader: &str, compact: bool) -> i64 {
    let before = cluster.member(follower).metric(RECEIVED, "");
    // Broken connections: what is on its way on one that is only silent would arrive after all.
    cluster.isolate(follower, Fault::Refused);
    let last = write(leader).await;
    if compact {
        let request = CompactionRequest { revision: last - 1, physical: true };
        let mut kv = KvClient::new(ask::connect(leader).await.expect("the leader serves"));
        kv.compact(request).await.expect("compacted");
    }
    cluster.heal();
    let url = cluster.member(follower).url();
    // A linearizable read there waits until everything is there.
    ask_until(|| ask::get(&url, "k")).await;
    assert!(cluster.member(follower).metric(RECEIVED, "") > before, "it caught up without a snapshot");
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_go_on_behind_a_snapshot_and_are_told_of_a_compaction() {
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader])[0];
    let (leader, url) = (cluster.member(leader).url(), cluster.member(follower).url());
    ask::put(&leader, "k", "first").await.expect("written");
    // It has the first revision when the watch begins.
    ask::get(&url, "k").await.expect("read");
    let mut watcher = watch(&url).await;

    let last = miss(&mut cluster, follower, &leader, false).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|revision| *revision < last) {
        let events = answer(&mut watcher).await.events;
        seen.extend(events.into_iter().filter_map(|event| event.kv).map(|kv| kv.mod_revision));
    }
    assert_eq!(seen, (last - MISSED + 1..=last).collect::<Vec<_>>());

    let last = miss(&mut cluster, follower, &leader, true).await;
    let end = answer(&mut watcher).await;
    assert!(end.canceled && end.events.is_empty(), "{end:?}");
    assert_eq!(end.compact_revision, last - 1);

    // What comes after reaches new watchers, and is the same everywhere.
    let mut watcher = watch(&url).await;
    ask::put(&leader, "k", "last").await.expect("written");
    let events = answer(&mut watcher).await.events;
    assert_eq!(events.len(), 1);
    cluster.assert_equal_hashes().await;
}
