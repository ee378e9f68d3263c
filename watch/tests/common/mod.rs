//! A store that remembers everything, and a client that decodes what it is sent.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use bytes::{Bytes, BytesMut};
use oxetcd_api::{
    Event, EventBatch, EventKind, KeyRange, Revision,
    etcdserverpb::{WatchCreateRequest, WatchResponse},
    mvccpb::{KeyValue, event::EventType},
};
use oxetcd_watch::{
    CatchUp, Header, History, HistoryError, Hub, QueueLimit, ReadLimit, ReplyQueue, Sink, Stream,
};
use prost::Message;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Header of every reply in the tests.
pub const HEADER: Header = Header { cluster_id: 11, member_id: 22, raft_term: 33 };
/// Fragments above this size, unless a test says otherwise.
pub const FRAGMENT_BYTES: usize = 2 << 20;

/// One change of a transaction.
pub enum Op<'a> {
    Put(&'a str, &'a str),
    Delete(&'a str),
}

/// The whole history of a store, kept in memory.
#[derive(Default)]
pub struct Store {
    inner: Mutex<Past>,
    /// While true, reading events fails.
    pub broken: AtomicBool,
    /// Number of reads of events.
    pub reads: AtomicUsize,
    /// A read looks at so many revisions at most; 0 is no limit of its own.
    pub step: AtomicUsize,
    /// Called once, in the middle of the next read.
    pub during_read: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[derive(Default)]
struct Past {
    batches: Vec<EventBatch>,
    compacted: i64,
    live: BTreeMap<String, KeyValue>,
}

impl Store {
    fn past(&self) -> MutexGuard<'_, Past> {
        self.inner.lock().unwrap()
    }

    /// Applies a transaction without publishing it. Deleting what is not there changes nothing.
    pub fn txn(&self, ops: &[Op<'_>]) -> EventBatch {
        let mut past = self.past();
        let revision = past.batches.len() as i64 + 2;
        let mut events = Vec::new();
        for op in ops {
            let at = Revision::new(revision, events.len() as i64);
            match op {
                Op::Put(key, value) => {
                    let old = past.live.get(*key);
                    let record = KeyValue {
                        key: Bytes::copy_from_slice(key.as_bytes()),
                        create_revision: old.map_or(revision, |kv| kv.create_revision),
                        mod_revision: revision,
                        version: old.map_or(1, |kv| kv.version + 1),
                        value: Bytes::copy_from_slice(value.as_bytes()),
                        lease: 0,
                    };
                    events.push(event(EventKind::Put, at, &record));
                    past.live.insert((*key).into(), record);
                }
                Op::Delete(key) => {
                    if let Some(old) = past.live.remove(*key) {
                        let mark = KeyValue { key: old.key, mod_revision: revision, ..Default::default() };
                        events.push(event(EventKind::Delete, at, &mark));
                    }
                }
            }
        }
        assert!(!events.is_empty(), "a transaction of the tests changes something");
        let batch = EventBatch { revision, events };
        past.batches.push(batch.clone());
        batch
    }

    pub fn put(&self, key: &str, value: &str) -> EventBatch {
        self.txn(&[Op::Put(key, value)])
    }

    pub fn delete(&self, key: &str) -> EventBatch {
        self.txn(&[Op::Delete(key)])
    }

    pub fn holds(&self, key: &str) -> bool {
        self.past().live.contains_key(key)
    }

    pub fn compact(&self, revision: i64) {
        let mut past = self.past();
        past.compacted = past.compacted.max(revision);
    }

    /// All events ever, compacted ones too.
    pub fn all(&self) -> Vec<Event> {
        self.past().batches.iter().flat_map(|batch| batch.events.clone()).collect()
    }
}

fn event(kind: EventKind, revision: Revision, record: &KeyValue) -> Event {
    Event {
        kind,
        key: record.key.clone(),
        revision,
        created: kind == EventKind::Put && record.create_revision == record.mod_revision,
        kv: record.encode_to_vec().into(),
    }
}

impl History for Store {
    fn current_revision(&self) -> i64 {
        self.past().batches.len() as i64 + 1
    }

    fn compacted_revision(&self) -> i64 {
        self.past().compacted
    }

    fn events(
        &self,
        range: &KeyRange,
        from_rev: i64,
        to_rev: i64,
        limit: ReadLimit,
        visit: &mut dyn FnMut(Event),
    ) -> Result<i64, HistoryError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if let Some(act) = self.during_read.lock().unwrap().take() {
            act();
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(HistoryError::Unavailable("broken by the test".into()));
        }
        let past = self.past();
        if from_rev < past.compacted {
            return Err(HistoryError::Compacted(past.compacted));
        }
        let step = match self.step.load(Ordering::Relaxed) {
            0 => i64::MAX,
            step => step as i64,
        };
        let (mut revisions, mut size_bytes) = (0, 0);
        for revision in from_rev..=to_rev {
            if revision - from_rev >= step || revisions >= limit.revisions || size_bytes >= limit.size_bytes {
                return Ok(revision);
            }
            let Some(batch) = usize::try_from(revision - 2).ok().and_then(|at| past.batches.get(at)) else {
                continue;
            };
            let mut found = false;
            for event in batch.events.iter().filter(|event| range.contains(&event.key)) {
                found = true;
                size_bytes += event.key.len() + event.kv.len();
                visit(event.clone());
            }
            revisions += usize::from(found);
        }
        Ok(to_rev + 1)
    }

    fn previous(&self, key: &[u8], mod_rev: i64) -> Option<Bytes> {
        let past = self.past();
        if mod_rev - 1 < past.compacted {
            return None;
        }
        let before = past.batches.iter().take_while(|batch| batch.revision < mod_rev);
        let last = before.flat_map(|batch| &batch.events).filter(|event| event.key == key).last()?;
        (last.kind == EventKind::Put).then(|| last.kv.clone())
    }
}

/// A hub over a [`Store`].
pub struct World {
    pub store: Arc<Store>,
    pub hub: Arc<Hub>,
    /// How often the catch-up thread would have been woken.
    pub wakes: Arc<AtomicUsize>,
}

impl World {
    pub fn new() -> World {
        World::over(Arc::new(Store::default()))
    }

    pub fn over(store: Arc<Store>) -> World {
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = wakes.clone();
        let hub = Hub::new(store.clone(), move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        World { store, hub, wakes }
    }

    pub fn put(&self, key: &str, value: &str) -> i64 {
        self.publish(self.store.put(key, value))
    }

    pub fn delete(&self, key: &str) -> i64 {
        self.publish(self.store.delete(key))
    }

    pub fn txn(&self, ops: &[Op<'_>]) -> i64 {
        self.publish(self.store.txn(ops))
    }

    pub fn publish(&self, batch: EventBatch) -> i64 {
        let revision = batch.revision;
        self.hub.publish([batch]);
        revision
    }

    /// Catches up until nothing is left to do.
    pub fn settle(&self) {
        while self.hub.catch_up(1) == CatchUp::More {}
    }

    pub fn client(&self) -> Client {
        self.client_with(QueueLimit::default())
    }

    /// A client whose queue takes so many events' replies, or one a watcher if that is more.
    pub fn slow_client(&self, replies: usize) -> Client {
        self.client_with(QueueLimit { replies, ..QueueLimit::default() })
    }

    pub fn client_with(&self, limit: QueueLimit) -> Client {
        let queue = Arc::new(ReplyQueue::new(limit));
        Client { stream: self.hub.open(queue.clone()), queue, fragment_bytes: FRAGMENT_BYTES }
    }
}

/// A stream and the end of its queue.
pub struct Client {
    pub stream: Stream,
    pub queue: Arc<ReplyQueue>,
    pub fragment_bytes: usize,
}

impl Client {
    /// Takes up to `max` replies and decodes them from their bytes.
    pub fn take(&self, max: usize) -> Vec<WatchResponse> {
        let mut replies = Vec::new();
        self.queue.take(max, &mut replies);
        self.stream.drained();
        let mut responses = Vec::new();
        for reply in replies {
            reply.look_up_previous(self.stream.history());
            for frame in reply.into_frames(HEADER, self.fragment_bytes) {
                let mut bytes = BytesMut::new();
                frame.encode(&mut bytes);
                assert_eq!(bytes.len(), frame.encoded_len());
                let response = WatchResponse::decode(bytes.clone().freeze()).expect("a valid message");
                assert_eq!(response.encode_to_vec(), bytes, "not the canonical encoding");
                responses.push(response);
            }
        }
        responses
    }

    pub fn read(&self) -> Vec<WatchResponse> {
        self.take(usize::MAX)
    }

    /// Everything that waits, in short; see [`brief`].
    pub fn brief(&self) -> Vec<String> {
        self.read().iter().map(brief).collect()
    }

    /// Creates a watcher of a key or range and forgets the `created` reply.
    pub fn watch(&self, range: (&str, &str), start: i64) -> i64 {
        self.create(&request(range, start))
    }

    /// As [`Client::watch`], with all options.
    pub fn create(&self, request: &WatchCreateRequest) -> i64 {
        let id = self.stream.create(request, |_| Ok(())).expect("a valid request");
        let created = self.read().into_iter().find(|response| response.created).expect("a reply");
        assert_eq!((created.watch_id, created.canceled), (id, false));
        id
    }

    pub fn room(&self) -> usize {
        self.queue.room()
    }
}

pub fn request((key, end): (&str, &str), start_revision: i64) -> WatchCreateRequest {
    WatchCreateRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        range_end: Bytes::copy_from_slice(end.as_bytes()),
        start_revision,
        ..Default::default()
    }
}

/// A response in one line: `id@revision` and what it says, events as `+key=value:mod` and `-key:mod`.
pub fn brief(response: &WatchResponse) -> String {
    let header = response.header.as_ref().expect("a header");
    assert_eq!((header.cluster_id, header.member_id, header.raft_term), (11, 22, 33));
    let mut words = vec![format!("{}@{}", response.watch_id, header.revision)];
    words.extend(response.created.then(|| "created".into()));
    words.extend(response.canceled.then(|| "canceled".into()));
    words
        .extend((response.compact_revision != 0).then(|| format!("compacted:{}", response.compact_revision)));
    words.extend((!response.cancel_reason.is_empty()).then(|| format!("({})", response.cancel_reason)));
    words.extend(response.fragment.then(|| "fragment".into()));
    words.extend(response.events.iter().map(brief_event));
    words.join(" ")
}

fn brief_event(event: &oxetcd_api::mvccpb::Event) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let kv = event.kv.as_ref().expect("a record");
    let previous = event.prev_kv.as_ref().map_or(String::new(), |old| format!("<{}", text(&old.value)));
    if event.r#type == EventType::Delete as i32 {
        assert_eq!((kv.create_revision, kv.version, kv.value.len()), (0, 0, 0));
        format!("-{}:{}{previous}", text(&kv.key), kv.mod_revision)
    } else {
        format!("+{}={}:{}{previous}", text(&kv.key), text(&kv.value), kv.mod_revision)
    }
}
