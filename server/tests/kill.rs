//! Any number of SIGKILLs under concurrent writes: what was acknowledged is there, nothing is there twice,
//! revisions have no gaps, and the data hashes like a replay of its own history.

mod support;

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    HashKvRequest, PutRequest, RangeRequest, WatchCreateRequest, WatchRequest, watch_request::RequestUnion,
};
use oxetcd_grpc::etcdserverpb::{
    kv_client::KvClient, maintenance_client::MaintenanceClient, watch_client::WatchClient,
};
use oxetcd_mvcc::{NoLeases, Store};
use oxetcd_storage::{Buffer, Memory};
use proptest::test_runner::{RngAlgorithm, TestRng};
use rand_like::Dice;
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use support::Server;
use tokio::task::JoinSet;
use tonic::transport::Channel;

const KILLS: usize = 100;
const WRITERS: usize = 8;
const KEYS_PER_WRITER: u64 = 16;

mod rand_like {
    use super::{RngAlgorithm, TestRng};
    use proptest::prelude::Rng;

    /// Random numbers whose seed a failing test prints.
    pub(super) struct Dice(TestRng);

    impl Dice {
        pub(super) fn new(seed: [u8; 32]) -> Self {
            eprintln!("seed: {seed:?}");
            Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
        }

        pub(super) fn below(&mut self, limit: u64) -> u64 {
            self.0.next_u64() % limit
        }
    }
}

/// A write that the server acknowledged.
#[derive(Debug)]
struct Acknowledged {
    value: Bytes,
    revision: i64,
}

async fn connect(url: String) -> Channel {
    Channel::from_shared(url).expect("a URL").connect().await.expect("the server listens")
}

/// Writes numbered values until the server dies.
async fn write(channel: Channel, writer: usize, numbers: Arc<AtomicU64>) -> Vec<Acknowledged> {
    let mut client = KvClient::new(channel);
    let mut done = Vec::new();
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let value = Bytes::from(format!("{writer}-{number}"));
        let key = Bytes::from(format!("writer{writer}/{}", number % KEYS_PER_WRITER));
        let put = PutRequest { key, value: value.clone(), ..Default::default() };
        match client.put(put).await {
            Ok(response) => {
                let revision = response.into_inner().header.expect("every answer has a header").revision;
                done.push(Acknowledged { value, revision });
            }
            Err(_) => return done,
        }
    }
}

async fn kill_under_load(dir: &Path, backend: &str) -> Vec<Acknowledged> {
    let mut dice = Dice::new(*b"oxetcd: kill -9 under every load");
    let numbers = Arc::new(AtomicU64::new(0));
    let mut acknowledged = Vec::new();
    for _ in 0..KILLS {
        let server = Server::start(dir, &["--backend", backend, "--snapshot-count", "500"]);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let channel = connect(server.url()).await;
            writers.spawn(write(channel, writer, numbers.clone()));
        }
        // How long it lives is what the test varies; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(5 + dice.below(120))).await;
        server.kill();
        while let Some(done) = writers.join_next().await {
            acknowledged.extend(done.expect("a writer does not panic"));
        }
    }
    acknowledged
}

/// Every event since the beginning: revision, key and value.
async fn history(channel: Channel, until: i64) -> Vec<(i64, Bytes, Bytes)> {
    let create = WatchCreateRequest {
        key: Bytes::from_static(b"\0"),
        range_end: Bytes::from_static(b"\0"),
        start_revision: 1,
        ..Default::default()
    };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = tokio_stream::StreamExt::chain(tokio_stream::once(request), tokio_stream::pending());
    let mut answers = WatchClient::new(channel).watch(requests).await.expect("a watch").into_inner();
    let mut events: Vec<(i64, Bytes, Bytes)> = Vec::new();
    while events.last().is_none_or(|(revision, ..)| *revision < until) {
        let answer = answers.message().await.expect("no error").expect("the stream goes on");
        assert!(!answer.canceled, "{answer:?}");
        for event in answer.events {
            let kv = event.kv.expect("an event has a record");
            events.push((kv.mod_revision, kv.key, kv.value));
        }
    }
    events
}

fn replayed_hash(events: &[(i64, Bytes, Bytes)]) -> u32 {
    let buffer = Arc::new(Buffer::new(Arc::new(Memory::new())));
    let (store, _) = Store::open(buffer.clone(), &mut |_, _| {}).expect("an empty store");
    for (_, key, value) in events {
        let put = PutRequest { key: key.clone(), value: value.clone(), ..Default::default() };
        let (response, _) = store.apply_put(&buffer.begin(), &put, &mut NoLeases).expect("a put into memory");
        drop(response);
    }
    store.hash_kv(0).expect("a hash").0.hash
}

async fn nothing_is_lost(backend: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let acknowledged = kill_under_load(dir.path(), backend).await;
    assert!(acknowledged.len() > KILLS, "the writers got through: {}", acknowledged.len());

    let server = Server::start(dir.path(), &["--backend", backend]);
    let channel = connect(server.url()).await;
    let range = RangeRequest { key: Bytes::from_static(b"x"), ..Default::default() };
    let header = KvClient::new(channel.clone()).range(range).await.expect("a read").into_inner().header;
    let current = header.expect("every answer has a header").revision;
    let events = history(channel.clone(), current).await;

    let revisions: Vec<i64> = events.iter().map(|(revision, ..)| *revision).collect();
    assert_eq!(revisions, (2..=current).collect::<Vec<_>>(), "revisions have no gaps");
    let mut by_value = HashMap::new();
    for (revision, _, value) in &events {
        let twice = by_value.insert(value.clone(), *revision);
        assert_eq!(twice, None, "{value:?} was applied twice");
    }
    for write in &acknowledged {
        let found = by_value.get(&write.value);
        assert_eq!(found, Some(&write.revision), "acknowledged and not there: {write:?}");
    }
    let hash = MaintenanceClient::new(channel).hash_kv(HashKvRequest { revision: 0 }).await;
    assert_eq!(hash.expect("a hash").into_inner().hash, replayed_hash(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(feature = "lmdb")]
async fn lmdb_loses_nothing() {
    nothing_is_lost("lmdb").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(feature = "sled")]
async fn sled_loses_nothing() {
    nothing_is_lost("sled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_loses_nothing() {
    nothing_is_lost("memory").await;
}
