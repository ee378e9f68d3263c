//! Holes that etcd once had, by their names.

use crate::client::{PASSWORD, World, by};
use oxetcd_api::etcdserverpb::{self as pb, request_op::Request, watch_request::RequestUnion};
use std::time::Duration;
use tonic::Streaming;

const SOON: Duration = Duration::from_secs(60);
const DENIED: &str = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";

/// Passwords were to be found in the state of a request for debugging. They are nowhere: not in the log, the metrics, or
/// any file; of those that were set, the log of the cluster has the hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2021_28235_no_password_in_log_or_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let flags = ["--log-level", "debug", "--warning-unary-request-duration", "1ns", "--bcrypt-cost", "4"];
    let server = crate::support::Server::start(dir.path(), &flags);
    let channel = tonic::transport::Channel::from_shared(server.url()).expect("a URL");
    let channel = channel.connect().await.expect("connected");
    let mut auth = oxetcd_grpc::etcdserverpb::auth_client::AuthClient::new(channel);
    for name in ["root", "part"] {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        auth.user_add(pb::AuthUserAddRequest { name, password, ..Default::default() }).await.expect("added");
    }
    let grant = pb::AuthUserGrantRoleRequest { user: "root".into(), role: "root".into() };
    auth.user_grant_role(grant).await.expect("granted");
    let (changed, wrong) = ("battery staple", "wrong rider");
    let change = |name: &str, password: &str| pb::AuthUserChangePasswordRequest {
        name: name.into(),
        password: password.into(),
        ..Default::default()
    };
    auth.user_change_password(change("part", changed)).await.expect("changed");
    auth.auth_enable(pb::AuthEnableRequest {}).await.expect("enabled");
    for password in [changed, wrong] {
        let login = pb::AuthenticateRequest { name: "part".into(), password: password.into() };
        let _ = auth.authenticate(login).await;
    }
    // Nobody may.
    auth.user_change_password(change("part", "never set")).await.expect_err("refused");
    let (_, metrics) = crate::support::http_get(server.endpoint(), "/metrics");
    let log = server.terminate_and_read();
    let secrets = [PASSWORD, changed, wrong, "never set"];
    let texts = [("the log", log.into_bytes()), ("the metrics", metrics.into_bytes())];
    let mut hashes = 0;
    for (name, bytes) in
        texts.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(files(dir.path()))
    {
        let count =
            |what: &str| bytes.windows(what.len()).filter(|window| *window == what.as_bytes()).count();
        for secret in secrets {
            assert_eq!(count(secret), 0, "{secret} in {name}");
        }
        // What a hash of this cost begins with, in Base64.
        hashes += if name.ends_with(".wal") { count("JDJhJDA0J") } else { 0 };
    }
    assert_eq!(hashes, 3, "two users, one of them twice");
}

/// All files below a folder: names and contents.
fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.push((entry.display().to_string(), std::fs::read(&entry).expect("a file"))),
            }
        }
    }
    found
}

/// What stood in a transaction within a transaction was not looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2026_33343_nested_transactions() {
    let world = World::new(&[]).await;
    let token = world.log_in("part").await;
    let op = |request| pb::RequestOp { request: Some(request) };
    let put = pb::PutRequest { key: "x".into(), value: "stolen".into(), ..Default::default() };
    let read = pb::RangeRequest { key: "x".into(), ..Default::default() };
    for request in [Request::RequestPut(put), Request::RequestRange(read)] {
        let inner = pb::TxnRequest { success: vec![op(request)], ..Default::default() };
        let outer = pb::TxnRequest { success: vec![op(Request::RequestTxn(inner))], ..Default::default() };
        let refused = world.kv().txn(by(Some(&token), outer)).await.expect_err("refused");
        assert_eq!(refused.message(), "etcdserver: permission denied");
    }
    let root = world.log_in("root").await;
    assert_eq!(world.get(Some(&root), "x").await.expect("read").count, 0, "nothing was written");
}

/// Members, alarms, leases and compaction did not ask who called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2026_33413_calls_without_a_user() {
    let world = World::new(&[]).await;
    let empty = "etcdserver: user name is empty";
    let list = world.cluster().member_list(pb::MemberListRequest::default()).await.expect_err("refused");
    assert_eq!(list.message(), empty);
    let alarm = world.maintenance().alarm(pb::AlarmRequest::default()).await.expect_err("refused");
    assert_eq!(alarm.message(), empty);
    let grant = pb::LeaseGrantRequest { ttl: 60, id: 0 };
    assert_eq!(world.lease().lease_grant(grant).await.expect_err("refused").message(), empty);
    let compact = pb::CompactionRequest { revision: 1, physical: false };
    assert_eq!(world.kv().compact(compact).await.expect_err("refused").message(), empty);
    let token = world.log_in("part").await;
    let refused = world.kv().compact(by(Some(&token), compact)).await.expect_err("refused");
    assert_eq!(refused.message(), "etcdserver: permission denied");
}

async fn watch(world: &World, token: &str, key: &str, range_end: &[u8]) -> Streaming<pb::WatchResponse> {
    let create = pb::WatchCreateRequest {
        key: key.to_owned().into(),
        range_end: range_end.to_vec().into(),
        ..Default::default()
    };
    let request = pb::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = futures::StreamExt::chain(futures::stream::iter([request]), futures::stream::pending());
    world.watch().watch(by(Some(token), requests)).await.expect("a stream").into_inner()
}

async fn next(stream: &mut Streaming<pb::WatchResponse>) -> pb::WatchResponse {
    let message = tokio::time::timeout(SOON, stream.message()).await;
    message.expect("in time").expect("no error").expect("not the end")
}

/// A watch up to the end of all keys was judged by its first key alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_xg4h_6gfc_h4m8_watch_without_an_end() {
    let world = World::new(&[]).await;
    let token = world.log_in("part").await;
    for range_end in [&b"\0"[..], b"z"] {
        let mut stream = watch(&world, &token, "r", range_end).await;
        let answer = next(&mut stream).await;
        assert!(answer.created && answer.canceled && answer.watch_id == -1, "{answer:?}");
        assert_eq!(answer.cancel_reason, DENIED);
    }
    let answer = next(&mut watch(&world, &token, "r", b"s").await).await;
    assert!(answer.created && !answer.canceled, "{answer:?}");
}

/// Ways to take a right away, by an administrator's hand.
async fn take_away(world: &World, root: &str, how: usize) {
    let (mut auth, root) = (world.auth(), Some(root));
    let part = || "part".to_owned();
    match how {
        0 => {
            let revoke = pb::AuthUserRevokeRoleRequest { name: part(), role: part() };
            auth.user_revoke_role(by(root, revoke)).await.expect("revoked");
        }
        1 => {
            let revoke =
                pb::AuthRoleRevokePermissionRequest { role: part(), key: "b".into(), range_end: "c".into() };
            auth.role_revoke_permission(by(root, revoke)).await.expect("revoked");
        }
        2 => {
            let delete = pb::AuthRoleDeleteRequest { role: part() };
            auth.role_delete(by(root, delete)).await.expect("deleted");
        }
        _ => {
            let delete = pb::AuthUserDeleteRequest { name: part() };
            auth.user_delete(by(root, delete)).await.expect("deleted");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_the_right_to_it() {
    for how in 0..4 {
        let world = World::new(&[]).await;
        let (root, token) = (world.log_in("root").await, world.log_in("part").await);
        let mut stream = watch(&world, &token, "b", b"c").await;
        assert!(next(&mut stream).await.created);
        world.put(Some(&root), "b1").await.expect("put");
        assert_eq!(next(&mut stream).await.events.len(), 1);
        world.add_user(Some(&root), "new").await.expect("added");
        world.put(Some(&root), "b2").await.expect("put");
        assert_eq!(next(&mut stream).await.events.len(), 1, "another's rights do not matter");
        take_away(&world, &root, how).await;
        // Acknowledged only after the watch was told; so this is never seen.
        world.put(Some(&root), "b3").await.expect("put");
        let answer = next(&mut stream).await;
        assert!(answer.canceled && !answer.created && answer.events.is_empty(), "{how}: {answer:?}");
        assert_eq!(answer.cancel_reason, DENIED);
    }
}

/// A long answer is under way while the right to it is taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_range_ends_with_the_right_to_it() {
    let world = World::new(&[]).await;
    let (root, token) = (world.log_in("root").await, world.log_in("part").await);
    for number in 0..40 {
        let (key, value) = (format!("b{number:02}").into(), vec![b'v'; 200_000].into());
        let put = pb::PutRequest { key, value, ..Default::default() };
        world.kv().put(by(Some(&root), put)).await.expect("put");
    }
    let range = pb::RangeRequest { key: "b".into(), range_end: "c".into(), ..Default::default() };
    let mut kv = world.kv().max_decoding_message_size(usize::MAX);
    let mut stream = kv.range_stream(by(Some(&token), range)).await.expect("a stream").into_inner();
    let first = stream.message().await.expect("no error").expect("a page");
    assert!(first.range_response.is_some_and(|page| !page.kvs.is_empty()));
    take_away(&world, &root, 0).await;
    let ended = async {
        loop {
            // What is in the pipes already still comes.
            match stream.message().await {
                Ok(page) => assert!(page.is_some(), "read to the end"),
                Err(status) => return status,
            }
        }
    };
    let status = tokio::time::timeout(SOON, ended).await.expect("in time");
    assert_eq!(status.message(), "etcdserver: revision of auth store is old");
}

/// A lease may be ended only by who may write all of its keys; and in time it ends by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_run_out_whoever_owns_their_keys() {
    let world = World::new(&[]).await;
    let root = world.log_in("root").await;
    let grant = pb::LeaseGrantRequest { ttl: 1, id: 7 };
    world.lease().lease_grant(by(Some(&root), grant)).await.expect("granted");
    let put = pb::PutRequest { key: "x".into(), lease: 7, ..Default::default() };
    world.kv().put(by(Some(&root), put)).await.expect("put");
    let gone = async {
        while world.get(Some(&root), "x").await.expect("read").count > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the lease ends");
}
