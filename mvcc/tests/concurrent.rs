//! Readers, a writer, compactions and commits at once: every reader must see exactly one revision, whole.

mod common;

use bytes::Bytes;
use oxetcd_api::{EventKind, KeyRange, etcdserverpb::RangeRequest};
use oxetcd_mvcc::{Error, HistoryLimit, NoLeases, Progress, Store};
use oxetcd_storage::{Buffer, Durability, Memory};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

const REVISIONS: i64 = 4000;
const KEYS: u64 = 300;

/// A number that follows from another, in no visible order.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}

fn key(number: u64) -> Bytes {
    format!("key/{:03}", number % KEYS).into()
}

/// What revision `revision` changes: known beforehand, so that readers know what they must see. Every revision
/// puts a key; some delete the one next to it as well.
fn change(revision: i64) -> (Bytes, Option<Bytes>) {
    let number = mix(revision as u64) % KEYS;
    let deleted = mix(revision as u64 + 77).is_multiple_of(3).then(|| key(number + 1));
    (key(number), deleted)
}

/// Keys at `revision`, with the revision of their last put.
fn content(revision: i64) -> BTreeMap<Bytes, i64> {
    let mut content = BTreeMap::new();
    for at in 2..=revision {
        let (put, deleted) = change(at);
        content.insert(put, at);
        deleted.map(|deleted| content.remove(&deleted));
    }
    content
}

fn write(store: &Store) {
    for revision in 2..=REVISIONS {
        let step = store.buffer().begin();
        let mut leases = NoLeases;
        let mut txn = store.begin(&step, &mut leases);
        let (put, deleted) = change(revision);
        txn.put(&put, &revision.to_be_bytes(), 0).expect("memory cannot fail");
        if let Some(deleted) = deleted {
            txn.delete_range(&deleted, b"").expect("memory cannot fail");
        }
        assert_eq!(txn.end().map(|batch| batch.revision), Some(revision));
    }
}

fn compact(store: &Store, done: &AtomicBool) {
    let mut compactions = 0u8;
    while !done.load(Ordering::Relaxed) {
        let revision = store.revision() - i64::from(compactions % 8);
        let Ok(mut compaction) = store.compact(&store.buffer().begin(), revision) else {
            thread::yield_now();
            continue;
        };
        while compaction.run_batch(170).expect("memory cannot fail") != Progress::Done {
            thread::yield_now();
        }
        compactions = compactions.wrapping_add(1);
    }
}

/// Reads ranges, now and at old revisions, in one go and in pages; counts what it could read.
fn read(store: &Store, done: &AtomicBool, seed: u64) -> u64 {
    let (mut read, mut turn) = (0, seed);
    while !done.load(Ordering::Relaxed) || read == 0 {
        turn = mix(turn);
        let back = (turn % 6) as i64;
        let revision = if back == 5 { 0 } else { (store.revision() - back).max(1) };
        let all =
            RangeRequest { key: "key/".into(), range_end: "key0".into(), revision, ..Default::default() };
        let result = if turn.is_multiple_of(2) { whole(store, &all) } else { paged(store, all) };
        match result {
            Ok((at, keys)) => {
                assert_eq!(keys, content(at), "at revision {at}");
                read += 1;
            }
            Err(Error::Compacted) => assert!(revision < store.compacted() || revision == 0),
            Err(error) => panic!("{error}"),
        }
    }
    read
}

type Keys = BTreeMap<Bytes, i64>;

fn decode(kvs: &oxetcd_mvcc::EncodedKvs) -> Keys {
    let kvs = kvs.decode().expect("well-formed");
    kvs.into_iter()
        .map(|kv| {
            assert_eq!(kv.value[..], kv.mod_revision.to_be_bytes());
            (kv.key, kv.mod_revision)
        })
        .collect()
}

fn whole(store: &Store, request: &RangeRequest) -> Result<(i64, Keys), Error> {
    let result = store.range(request)?;
    let keys = decode(&result.kvs);
    assert_eq!(result.count as usize, keys.len());
    let at = if request.revision == 0 { result.revision } else { request.revision };
    Ok((at, keys))
}

fn paged(store: &Store, request: RangeRequest) -> Result<(i64, Keys), Error> {
    let mut stream = store.range_stream(request)?;
    let (at, mut keys) = (stream.read_revision(), Keys::new());
    while let Some(page) = stream.next_page(25)? {
        keys.extend(decode(&page.kvs));
        assert!(page.end.is_none_or(|end| end.count as usize == keys.len()));
    }
    Ok((at, keys))
}

/// Follows the history from its beginning, as a watcher does that may fall behind a compaction.
fn follow(store: &Store, done: &AtomicBool) {
    let range = KeyRange::prefix("key/".into());
    let mut next = 2;
    while next <= REVISIONS && !(done.load(Ordering::Relaxed) && store.revision() < REVISIONS) {
        let limit = HistoryLimit { revisions: 50, bytes: 2000 };
        match store.events(&range, next, limit) {
            Ok((batches, then)) => {
                let found: Vec<_> = batches.iter().map(|batch| batch.revision).collect();
                // Of the compacted revision itself only what was last is left.
                assert_eq!(found, (next..then).collect::<Vec<_>>());
                for batch in batches {
                    let (put, _) = change(batch.revision);
                    assert_eq!((batch.events[0].kind, &batch.events[0].key), (EventKind::Put, &put));
                }
                next = then;
            }
            Err(Error::Compacted) => next = store.compacted(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Tells the others, also when the writer fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn readers_see_whole_revisions_whatever_goes_on() {
    let buffer = Arc::new(Buffer::new(Arc::new(Memory::new())));
    let (store, _) = Store::open(buffer, &mut |_, _| {}).expect("memory cannot fail");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| compact(&store, &done));
        scope.spawn(|| follow(&store, &done));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                store.buffer().commit(Durability::Buffered).expect("memory cannot fail");
                thread::yield_now();
            }
        });
        let readers = [1, 2].map(|seed| {
            scope.spawn({
                let (store, done) = (&store, &done);
                move || read(store, done, seed)
            })
        });
        let end = Done(&done);
        write(&store);
        drop(end);
        for reader in readers {
            assert!(reader.join().expect("no reader panics") > 0);
        }
    });
    assert_eq!(store.live_keys() as usize, content(REVISIONS).len());
}

#[test]
fn a_pin_keeps_its_revision_until_it_is_dropped() {
    let mut world = common::World::default();
    let put = |value: &'static str| oxetcd_api::etcdserverpb::PutRequest {
        key: "k".into(),
        value: value.into(),
        ..Default::default()
    };
    world.put(&put("old")).expect("a put");
    let pin = world.store.pin(2).expect("it is there");
    world.put(&put("new")).expect("a put");
    let step = world.store.buffer().begin();
    let mut compaction = world.store.compact(&step, 3).expect("not compacted yet");
    drop(step);
    assert!(world.store.pin(2).is_err(), "nobody can begin to read below");
    assert_eq!(compaction.run_batch(100).expect("memory cannot fail"), Progress::Waiting);
    assert_eq!(compaction.removed(), 0);
    drop(pin);
    assert_eq!(compaction.run_batch(100).expect("memory cannot fail"), Progress::Done);
    assert_eq!(compaction.removed(), 1);
}

/// Whoever has a turn in the pause of a long answer may write, commit and compact. The answer is of one revision all the same.
#[test]
fn a_long_answer_pauses_where_others_may_do_anything() {
    use oxetcd_api::etcdserverpb::{RequestOp, TxnRequest, request_op::Request};
    let (store, _) = Store::open(Arc::new(Buffer::new(Arc::new(Memory::new()))), &mut |_, _| {})
        .expect("memory cannot fail");
    let put = |number: u64, value: i64| {
        let step = store.buffer().begin();
        let mut leases = NoLeases;
        let mut txn = store.begin(&step, &mut leases);
        txn.put(&key(number), &value.to_be_bytes(), 0).expect("memory cannot fail");
        txn.end();
    };
    (0..KEYS).for_each(|number| put(number, 0));
    let pauses = std::cell::Cell::new(0u64);
    let others = || {
        pauses.set(pauses.get() + 1);
        put(mix(pauses.get()) % KEYS, 1);
        store.buffer().commit(Durability::Buffered).expect("memory cannot fail");
        let compacting = store.revision() - 1;
        drop(store.compact(&store.buffer().begin(), compacting).expect("it was written just now"));
    };
    let range = RangeRequest { key: "key/".into(), range_end: "key0".into(), ..Default::default() };
    let operation = RequestOp { request: Some(Request::RequestRange(range.clone())) };
    let twice = TxnRequest { success: vec![operation; 2], ..Default::default() };

    let answer = store.range_with_pauses(&range, &others).expect("a range");
    let newest = answer.kvs.decode().expect("well-formed").iter().map(|kv| kv.mod_revision).max();
    assert!(newest <= Some(answer.revision) && answer.revision < store.revision());
    let after_one = pauses.get();
    assert!(after_one >= KEYS / 64, "{after_one} pauses in {KEYS} keys");

    let answer = store.read_txn_with_pauses(&twice, &others).expect("reads");
    assert!(pauses.get() >= 2 * after_one, "both operations pause");
    assert_eq!(answer.responses[0], answer.responses[1], "both are of one revision");
}
