//! Parts of a store, against a member that is a process.

use crate::members::{Members, PATIENCE};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseGrantRequest, LeaseTimeToLiveRequest, PutRequest, RangeRequest,
    RequestOp, TxnRequest, WatchCreateRequest, compare::TargetUnion, request_op::Request,
    response_op::Response,
};
use oxetcd_client::{
    Client, Config, Namespace,
    concurrency::{Error, Mutex, Session},
};
use tokio::time::timeout;

fn put(key: &'static str, value: &'static str) -> PutRequest {
    PutRequest { key: key.into(), value: value.into(), prev_kv: true, ..Default::default() }
}

/// From this key to the end of everything.
fn from(key: &'static str) -> RangeRequest {
    RangeRequest { key: key.into(), range_end: vec![0].into(), ..Default::default() }
}

async fn keys(namespace: &Namespace, request: RangeRequest) -> Vec<Bytes> {
    let found = namespace.range(request).await.expect("the member is up");
    found.kvs.into_iter().map(|kv| kv.key).collect()
}

#[tokio::test]
async fn a_namespace_is_a_store_of_its_own() {
    let members = Members::start(1).await;
    let whole = Client::connect(Config::new(members.endpoints())).await.expect("nothing is connected to yet");
    let (ours, theirs) = (whole.namespace("a/"), whole.namespace("b/"));
    for namespace in [&ours, &theirs, &ours.namespace("deep/")] {
        namespace.put(put("x", "1")).await.expect("the member is up");
    }
    assert_eq!(keys(&whole.namespace(""), from("a")).await, ["a/deep/x", "a/x", "b/x"]);
    // To the end of the namespace, not of the store.
    assert_eq!(keys(&ours, from("")).await, ["deep/x", "x"]);
    let streamed = ours.range_stream(from("e")).await.expect("the member is up").collect().await;
    assert_eq!(streamed.expect("it does not break").kvs[0].key, "x");

    operations(&ours).await;

    let lease = whole.lease_grant(LeaseGrantRequest { ttl: 600, id: 0 }).await.expect("the member is up").id;
    for namespace in [&ours, &theirs] {
        namespace.put(PutRequest { lease, ..put("leased", "") }).await.expect("the member is up");
    }
    let request = LeaseTimeToLiveRequest { id: lease, keys: true };
    assert_eq!(ours.lease_time_to_live(request).await.expect("the lease lives").keys, ["leased"]);

    // All of ours, and nothing of theirs.
    let all = DeleteRangeRequest { range_end: vec![0].into(), prev_kv: true, ..Default::default() };
    let deleted = ours.delete_range(all).await.expect("the member is up");
    let deleted: Vec<_> = deleted.prev_kvs.into_iter().map(|kv| kv.key).collect();
    assert_eq!(deleted, ["deep/x", "leased", "x"]);
    assert_eq!(keys(&theirs, from("")).await, ["leased", "x"]);
    assert!(ours.put(put("", "")).await.is_err_and(|error| error.is("etcdserver: key is not provided")));
}

/// A transaction and a watch.
async fn operations(ours: &Namespace) {
    let mut watch = ours.watch(WatchCreateRequest {
        range_end: vec![0].into(),
        prev_kv: true,
        start_revision: 1,
        ..Default::default()
    });
    let value = Some(TargetUnion::Value("1".into()));
    let compare = Compare { target: 3, key: "x".into(), target_union: value, ..Default::default() };
    let ops = [Request::RequestPut(put("x", "2")), Request::RequestRange(from("x"))];
    let ops = ops.map(|request| RequestOp { request: Some(request) });
    let txn = TxnRequest { compare: vec![compare], success: ops.into(), failure: Vec::new() };
    let done = ours.txn(txn).await.expect("the member is up");
    assert!(done.succeeded);
    let shown: Vec<_> = done.responses.into_iter().filter_map(|op| op.response).collect();
    let [Response::ResponsePut(put), Response::ResponseRange(range)] = &shown[..] else {
        panic!("{shown:?}")
    };
    assert_eq!(put.prev_kv.as_ref().map(|kv| (&kv.key[..], &kv.value[..])), Some((&b"x"[..], &b"1"[..])));
    assert_eq!(range.kvs.iter().map(|kv| &kv.key[..]).collect::<Vec<_>>(), [b"x"]);

    let mut seen = Vec::new();
    while seen.len() < 3 {
        let update = timeout(PATIENCE, watch.next()).await.expect("events come").expect("the watch goes on");
        for event in update.response.events {
            assert!(event.prev_kv.is_none_or(|kv| kv.key == "x"));
            seen.extend(event.kv.map(|kv| kv.key));
        }
    }
    assert_eq!(seen, ["x", "deep/x", "x"]);
}

#[tokio::test]
async fn locks_of_two_namespaces_never_meet() {
    let members = Members::start(1).await;
    let whole = Client::connect(Config::new(members.endpoints())).await.expect("nothing is connected to yet");
    let session = |name: &str| Session::new(whole.namespace(name), 60);
    let (ours, ours_too) = (session("a/").await.expect("a lease"), session("a/").await.expect("a lease"));
    let theirs = session("b/").await.expect("a lease");
    let mut held = Mutex::new(&ours, "lock");
    held.lock().await.expect("it is free");
    Mutex::new(&theirs, "lock").try_lock().await.expect("this is another lock");
    assert!(matches!(Mutex::new(&ours_too, "lock").try_lock().await, Err(Error::Locked)));
    let key = held.key().expect("it is held").clone();
    assert!(key.starts_with(b"lock/"), "{key:?}");
    let outside =
        whole.range(RangeRequest { key: [b"a/", &key[..]].concat().into(), ..Default::default() }).await;
    assert_eq!(outside.expect("the member is up").kvs.len(), 1);
}
