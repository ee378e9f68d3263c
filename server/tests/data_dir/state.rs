//! All of a member's state that clients can see, so that one start can be compared with another.

use crate::support::Server;
use oxetcd_api::etcdserverpb::{
    HashKvRequest, LeaseGrantRequest, LeaseLeasesRequest, PutRequest, RangeRequest, SnapshotRequest,
};
use oxetcd_grpc::etcdserverpb::{
    kv_client::KvClient, lease_client::LeaseClient, maintenance_client::MaintenanceClient,
};
use std::path::{Path, PathBuf};
use tonic::transport::Channel;

/// Bytes of the checksum behind a snapshot.
const CHECKSUM_BYTES: usize = 32;
/// Keys of one round of writes.
const KEYS: u64 = 40;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    hash: u32,
    revision: i64,
    keys: Vec<(Vec<u8>, Vec<u8>, i64)>,
    leases: Vec<i64>,
}

pub(crate) async fn connect(url: &str) -> Channel {
    Channel::from_shared(url.to_owned()).expect("a URL").connect().await.expect("the server listens")
}

/// Writes keys of its own name, one of them with a lease.
pub(crate) async fn write(channel: &Channel, name: &str) {
    let mut kv = KvClient::new(channel.clone());
    let grant = LeaseGrantRequest { ttl: 5000, id: 0 };
    let lease = LeaseClient::new(channel.clone()).lease_grant(grant).await.expect("granted").into_inner().id;
    for number in 0..KEYS {
        let (key, value) = (format!("{name}/{number}").into(), format!("value {number}").into());
        let lease = if number == 7 { lease } else { 0 };
        kv.put(PutRequest { key, value, lease, ..Default::default() }).await.expect("written");
    }
}

/// What is there.
pub(crate) async fn read(channel: &Channel) -> State {
    let all = RangeRequest { key: vec![0].into(), range_end: vec![0].into(), ..Default::default() };
    let answer = KvClient::new(channel.clone()).range(all).await.expect("read").into_inner();
    let hashed = MaintenanceClient::new(channel.clone()).hash_kv(HashKvRequest::default()).await;
    let leases = LeaseClient::new(channel.clone()).lease_leases(LeaseLeasesRequest {}).await;
    let mut leases: Vec<i64> =
        leases.expect("listed").into_inner().leases.iter().map(|lease| lease.id).collect();
    leases.sort_unstable();
    State {
        hash: hashed.expect("hashed").into_inner().hash,
        revision: answer.header.expect("every answer has a header").revision,
        keys: answer.kvs.into_iter().map(|kv| (kv.key.into(), kv.value.into(), kv.lease)).collect(),
        leases,
    }
}

/// The state of a server that runs.
pub(crate) async fn state_of(server: &Server) -> State {
    read(&connect(&server.url()).await).await
}

/// A data dir as etcd's own server would have left it, and the index at which its log begins.
pub(crate) async fn go_data_dir(dir: &Path, flags: &[&str]) -> (State, u64) {
    let server = Server::start(dir, flags);
    let channel = connect(&server.url()).await;
    write(&channel, "first").await;
    let mut pieces = MaintenanceClient::new(channel.clone())
        .snapshot(SnapshotRequest {})
        .await
        .expect("sent")
        .into_inner();
    let mut database = Vec::new();
    while let Some(piece) = pieces.message().await.expect("sent whole") {
        database.extend_from_slice(&piece.blob);
    }
    database.truncate(database.len() - CHECKSUM_BYTES);
    std::fs::write(snap(dir).join("db"), database).expect("written");
    write(&channel, "second").await;
    let state = read(&channel).await;
    assert!(server.terminate().success());
    let newest = crate::support::files(&snap(dir), "snap").pop().expect("a stop writes one");
    let name = newest.file_stem().and_then(|stem| stem.to_str()).expect("a name of digits");
    let index = name.split_once('-').and_then(|(_, index)| u64::from_str_radix(index, 16).ok());
    (state, index.expect("a name of digits"))
}

pub(crate) fn snap(dir: &Path) -> PathBuf {
    dir.join("member/snap")
}

/// Removes the engine: what is left is what etcd's own server knows.
pub(crate) fn forget_engine(dir: &Path) {
    for name in names(dir) {
        if ["lmdb", "sled"].iter().any(|engine| name.starts_with(engine)) {
            std::fs::remove_dir_all(snap(dir).join(name)).expect("removed");
        }
    }
}

/// Names of what is beside the database, in order.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(snap(dir)).expect("a folder");
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
