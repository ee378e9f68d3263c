//! What one write costs the writer when many watch, and what catching up costs.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oxetcd_api::{
    Event, EventBatch, EventKind, KeyRange, Revision, etcdserverpb::WatchCreateRequest, mvccpb::KeyValue,
};
use oxetcd_watch::{
    CatchUp, Header, History, HistoryError, Hub, QueueLimit, ReadLimit, ReplyQueue, Stream, WatchReply,
};
use prost::Message;
use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

const WATCHERS: usize = 10_000;
const VALUE_BYTES: usize = 256;

/// A history in which each revision changes the same key.
#[derive(Default)]
struct OneKey {
    current: AtomicI64,
}

fn batch(key: &str, revision: i64) -> EventBatch {
    let key = Bytes::copy_from_slice(key.as_bytes());
    let value = Bytes::from(vec![b'v'; VALUE_BYTES]);
    let record = KeyValue {
        key: key.clone(),
        create_revision: 2,
        mod_revision: revision,
        version: 1,
        value,
        lease: 0,
    };
    let kv = record.encode_to_vec().into();
    let revision_of = Revision::new(revision, 0);
    EventBatch {
        revision,
        events: vec![Event { kind: EventKind::Put, key, revision: revision_of, created: false, kv }],
    }
}

impl History for OneKey {
    fn current_revision(&self) -> i64 {
        self.current.load(Ordering::Relaxed)
    }

    fn compacted_revision(&self) -> i64 {
        0
    }

    fn events(
        &self,
        _range: &KeyRange,
        from_rev: i64,
        to_rev: i64,
        limit: ReadLimit,
        visit: &mut dyn FnMut(Event),
    ) -> Result<i64, HistoryError> {
        let end = to_rev.min(from_rev + limit.revisions as i64 - 1);
        (from_rev..=end).flat_map(|revision| batch("key-00000", revision).events).for_each(visit);
        Ok(end + 1)
    }

    fn previous(&self, _key: &[u8], _mod_rev: i64) -> Option<Bytes> {
        None
    }
}

struct Bench {
    hub: Arc<Hub>,
    history: Arc<OneKey>,
    streams: Vec<(Stream, Arc<ReplyQueue>)>,
    revision: i64,
    taken: Vec<WatchReply>,
}

impl Bench {
    /// `streams` streams with as many watchers each as make [`WATCHERS`], of the ranges that `range` gives.
    fn new(streams: usize, range: impl Fn(usize) -> (String, String)) -> Bench {
        let history = Arc::new(OneKey { current: AtomicI64::new(1) });
        let hub = Hub::new(history.clone(), || {});
        let open = |number: usize| {
            let queue =
                Arc::new(ReplyQueue::new(QueueLimit { size_bytes: 1 << 30, ..QueueLimit::default() }));
            let stream = hub.open(queue.clone());
            for watcher in 0..WATCHERS / streams {
                let (key, end) = range(number * (WATCHERS / streams) + watcher);
                let request =
                    WatchCreateRequest { key: key.into(), range_end: end.into(), ..Default::default() };
                stream.create(&request, |_| Ok(()));
            }
            (stream, queue)
        };
        let streams = (0..streams).map(open).collect();
        let mut bench = Bench { hub, history, streams, revision: 1, taken: Vec::new() };
        bench.drain();
        bench
    }

    fn next(&mut self, key: &str) -> EventBatch {
        self.revision += 1;
        self.history.current.store(self.revision, Ordering::Relaxed);
        batch(key, self.revision)
    }

    fn drain(&mut self) {
        for (stream, queue) in &self.streams {
            queue.take(usize::MAX, &mut self.taken);
            stream.drained();
        }
        self.taken.clear();
    }
}

/// Publishes one event at a time; queues are emptied outside of the measurement.
fn publish(criterion: &mut Criterion, name: &str, matching: usize, mut bench: Bench) {
    let mut group = criterion.benchmark_group("publish");
    group.throughput(Throughput::Elements(matching.max(1) as u64));
    let cell = std::cell::RefCell::new(&mut bench);
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || {
                let mut bench = cell.borrow_mut();
                bench.drain();
                bench.next("key-00000")
            },
            |batch| {
                let hub = cell.borrow().hub.clone();
                hub.publish([batch]);
            },
            BatchSize::PerIteration,
        );
    });
}

fn fan_out(criterion: &mut Criterion) {
    let single = |number: usize| (format!("key-{number:05}"), String::new());
    let same = |_: usize| ("key-00000".to_string(), String::new());
    let range = |number: usize| (format!("key-{number:05}"), format!("key-{:05}", number + 10));
    let all = |_: usize| ("key-".to_string(), "key.".to_string());
    publish(criterion, "nobody", 0, Bench::new(1, |_| ("x".into(), String::new())));
    publish(criterion, "10,000 keys, one matches", 1, Bench::new(100, single));
    publish(criterion, "10,000 ranges, one matches", 1, Bench::new(100, range));
    publish(criterion, "10,000 of one key, 100 streams", WATCHERS, Bench::new(100, same));
    publish(criterion, "10,000 of one prefix, 10,000 streams", WATCHERS, Bench::new(WATCHERS, all));
}

fn write_out(criterion: &mut Criterion) {
    let mut bench = Bench::new(WATCHERS, |_| ("key-00000".into(), String::new()));
    let next = bench.next("key-00000");
    bench.hub.publish([next]);
    let mut replies = Vec::new();
    bench.streams[0].1.take(1, &mut replies);
    let reply = replies.remove(0);
    let mut out = bytes::BytesMut::with_capacity(1024);
    criterion.bench_function("encode one event", |bencher| {
        bencher.iter(|| {
            out.clear();
            for frame in black_box(reply.clone()).into_frames(Header::default(), 2 << 20) {
                frame.encode(&mut out);
            }
            out.len()
        });
    });
}

fn catch_up(criterion: &mut Criterion) {
    let mut bench = Bench::new(WATCHERS, |_| ("key-".into(), "key.".into()));
    let mut group = criterion.benchmark_group("catch up");
    group.sample_size(20);
    group.throughput(Throughput::Elements(WATCHERS as u64));
    group.bench_function("10,000 streams, 10 revisions", |bencher| {
        bencher.iter(|| {
            bench.revision += 10;
            bench.history.current.store(bench.revision, Ordering::Relaxed);
            bench.hub.reset();
            while bench.hub.catch_up(1) == CatchUp::More {}
            bench.drain();
        });
    });
}

criterion_group!(benches, fan_out, write_out, catch_up);
criterion_main!(benches);
