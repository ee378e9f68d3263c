//! Random histories, with commits, restarts and crashes at any point, against the model.

mod common;

use bytes::Bytes;
use common::{World, model::Model};
use oxetcd_api::{EventKind, KeyRange, etcdserverpb as pb};
use oxetcd_mvcc::{Compaction, HistoryLimit, Progress, check};
use pb::{compare::TargetUnion, request_op::Request};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// What happens next. Revisions are given as a distance, so that most are in reach.
#[derive(Clone, Debug)]
enum Step {
    Put(pb::PutRequest),
    Delete(pb::DeleteRangeRequest),
    Txn(pb::TxnRequest),
    Range(pb::RangeRequest),
    Compact(i64),
    /// Lets the oldest compaction look at so many records.
    Work(usize),
    Commit,
    Crash,
    Hash(i64),
    History(i64, Bytes, Bytes, HistoryLimit),
    Stream(pb::RangeRequest, usize),
}

fn key() -> impl Strategy<Value = Bytes> {
    let few = vec!["a", "aa", "b", "c", "a key of more than a few words", "d"];
    prop_oneof![4 => prop::sample::select(few).prop_map(Bytes::from), 1 => (0..CROWD).prop_map(one_of_many)]
}

/// Keys that are there from the beginning in half of the histories: enough for several leaves of the index.
const CROWD: u32 = 400;

fn one_of_many(number: u32) -> Bytes {
    format!("b/{number:04}").into()
}

fn end() -> impl Strategy<Value = Bytes> {
    prop_oneof![3 => Just(Bytes::new()), 3 => key(), 1 => Just("z".into()), 2 => Just(Bytes::from_static(b"\0"))]
}

/// A distance from now; the steps turn it into a revision.
fn distance() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0), 5 => -8..3i64]
}

fn put() -> impl Strategy<Value = pb::PutRequest> {
    let lease = prop_oneof![6 => Just(0), 2 => Just(1), 2 => Just(2), 1 => Just(9)];
    let flags = (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (key(), 0..9u8, lease, flags).prop_map(|(key, value, lease, (prev_kv, ignore_value, ignore_lease))| {
        let value = if ignore_value { Bytes::new() } else { format!("v{value}").into() };
        let lease = if ignore_lease { 0 } else { lease };
        pb::PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease }
    })
}

fn delete() -> impl Strategy<Value = pb::DeleteRangeRequest> {
    (key(), end(), any::<bool>()).prop_map(|(key, range_end, prev_kv)| pb::DeleteRangeRequest {
        key,
        range_end,
        prev_kv,
    })
}

fn range() -> impl Strategy<Value = pb::RangeRequest> {
    let filter = || prop_oneof![9 => Just(0), 1 => 1..20i64];
    let sort = (0..3i32, 0..5i32, -1..5i64);
    let flags = (prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (key(), end(), distance(), sort, flags, (filter(), filter(), filter(), filter())).prop_map(
        |(key, range_end, revision, (sort_order, sort_target, limit), (keys_only, count_only), filters)| {
            pb::RangeRequest {
                key,
                range_end,
                limit,
                revision,
                sort_order,
                sort_target,
                serializable: false,
                keys_only,
                count_only,
                min_mod_revision: filters.0,
                max_mod_revision: filters.1,
                min_create_revision: filters.2,
                max_create_revision: filters.3,
            }
        },
    )
}

fn compare() -> impl Strategy<Value = pb::Compare> {
    (key(), end(), 0..4i32, 0..5i32, 0..12i64).prop_map(|(key, range_end, result, target, number)| {
        let union = match target {
            0 => TargetUnion::Version(number),
            1 => TargetUnion::CreateRevision(number),
            2 => TargetUnion::ModRevision(number),
            3 => TargetUnion::Value(format!("v{number}").into()),
            _ => TargetUnion::Lease(number),
        };
        pb::Compare { result, target, key, range_end, target_union: Some(union) }
    })
}

fn txn() -> impl Strategy<Value = pb::TxnRequest> {
    let leaf = prop_oneof![
        put().prop_map(Request::RequestPut),
        delete().prop_map(Request::RequestDeleteRange),
        range().prop_map(Request::RequestRange),
    ];
    let operation = leaf.prop_recursive(2, 8, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..3);
        (prop::collection::vec(compare(), 0..2), list(), list())
            .prop_map(|(compare, then, otherwise)| Request::RequestTxn(transaction(compare, then, otherwise)))
    });
    let list = || prop::collection::vec(operation.clone(), 0..4);
    (prop::collection::vec(compare(), 0..2), list(), list())
        .prop_map(|(compare, then, otherwise)| transaction(compare, then, otherwise))
}

fn transaction(compare: Vec<pb::Compare>, then: Vec<Request>, otherwise: Vec<Request>) -> pb::TxnRequest {
    let list = |requests: Vec<Request>| {
        requests.into_iter().map(|request| pb::RequestOp { request: Some(request) }).collect()
    };
    pb::TxnRequest { compare, success: list(then), failure: list(otherwise) }
}

fn step() -> impl Strategy<Value = Step> {
    let limit = (1..4usize, 1..60usize).prop_map(|(revisions, bytes)| HistoryLimit { revisions, bytes });
    prop_oneof![
        8 => put().prop_map(Step::Put),
        4 => delete().prop_map(Step::Delete),
        6 => txn().prop_map(Step::Txn),
        6 => range().prop_map(Step::Range),
        2 => (-8..2i64).prop_map(Step::Compact),
        4 => (1..6usize).prop_map(Step::Work),
        2 => Just(Step::Commit),
        1 => Just(Step::Crash),
        3 => distance().prop_map(Step::Hash),
        3 => (-8..2i64, key(), end(), limit).prop_map(|(from, key, end, limit)| Step::History(from, key, end, limit)),
        2 => (range(), 1..4usize).prop_map(|(range, keys)| Step::Stream(range, keys)),
    ]
}

struct Test {
    world: World,
    model: Model,
    /// The model as of the last commit: what a crash leaves.
    committed: Model,
    compactions: VecDeque<Compaction>,
    /// Hashes by compacted and asked revision: whatever else happens, they stay.
    hashes: BTreeMap<(i64, i64), u32>,
}

impl Test {
    fn new() -> Self {
        let mut world = World::default();
        let model = Model::default();
        world.leases.granted = model.leases.clone();
        let committed = model.clone();
        Test { world, model, committed, compactions: VecDeque::new(), hashes: BTreeMap::new() }
    }

    /// Puts many keys, not in their order.
    fn crowd(&mut self) {
        let put = |number: u32| {
            let key = one_of_many(number * 129 % CROWD);
            Request::RequestPut(pb::PutRequest { key, value: "v".into(), ..Default::default() })
        };
        for first in (0..CROWD).step_by(100) {
            self.run(Step::Txn(transaction(vec![], (first..first + 100).map(put).collect(), vec![])));
        }
    }

    /// A revision from a distance; 0 stays "now" half of the time, as 0.
    fn revision(&self, distance: i64) -> i64 {
        if distance == 0 { 0 } else { self.model.revision() + distance }
    }

    fn place(&self, range: &mut pb::RangeRequest) {
        range.revision = self.revision(range.revision);
    }

    fn place_all(&self, txn: &mut pb::TxnRequest) {
        for operation in txn.success.iter_mut().chain(&mut txn.failure) {
            match operation.request.as_mut() {
                Some(Request::RequestRange(range)) => self.place(range),
                Some(Request::RequestTxn(nested)) => self.place_all(nested),
                _ => {}
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Put(put) => assert_eq!(self.world.put(&put), self.model.put(&put)),
            Step::Delete(delete) => assert_eq!(self.world.delete(&delete), Ok(self.model.delete(&delete))),
            Step::Txn(mut txn) => {
                self.place_all(&mut txn);
                if check::txn(&txn, 128).is_ok() {
                    assert_eq!(self.world.txn(&txn), self.model.txn(&txn));
                }
            }
            Step::Range(mut range) => {
                self.place(&mut range);
                assert_eq!(self.world.range(&range), self.model.range(&range));
            }
            Step::Compact(distance) => self.compact(self.model.revision() + distance),
            Step::Work(records) => self.work(records),
            Step::Commit => {
                self.world.commit();
                self.committed = self.model.clone();
            }
            Step::Crash => self.crash(),
            Step::Hash(distance) => self.hash(self.revision(distance)),
            Step::History(distance, key, end, limit) => {
                self.history(self.model.revision() + distance, &KeyRange::new(key, end), limit);
            }
            Step::Stream(mut range, keys) => {
                self.place(&mut range);
                self.stream(range, keys);
            }
        }
        assert_eq!(self.world.store.revision(), self.model.revision());
        assert_eq!(self.world.store.live_keys(), self.model.now().len() as i64);
        assert_eq!(self.world.leases.attached, self.model.keys_with_lease());
    }

    fn compact(&mut self, revision: i64) {
        let buffer = self.world.store.buffer().clone();
        let answer = self.world.store.compact(&buffer.begin(), revision).map_err(common::words);
        assert_eq!(answer.as_ref().map(|_| ()).map_err(Clone::clone), self.model.compact(revision));
        self.compactions.extend(answer);
    }

    fn work(&mut self, records: usize) {
        if let Some(compaction) = self.compactions.front_mut()
            && compaction.run_batch(records).expect("memory cannot fail") == Progress::Done
        {
            self.compactions.pop_front();
        }
    }

    fn crash(&mut self) {
        let world = std::mem::take(&mut self.world);
        self.world = world.crash();
        self.model = self.committed.clone();
        let revision = self.model.revision();
        self.world.events.retain(|batch| batch.revision <= revision);
        self.compactions = self.world.interrupted.take().into_iter().collect();
        self.hashes.retain(|(compacted, at), _| *compacted <= self.model.compacted && *at <= revision);
    }

    fn hash(&mut self, revision: i64) {
        let Ok((hash, now)) = self.world.store.hash_kv(revision) else {
            assert!(revision > self.model.revision() || revision < self.model.compacted);
            return;
        };
        assert_eq!(now, self.model.revision());
        // Those remembered from compactions may differ from the others where nothing was left to keep.
        if hash.compact_revision == self.model.compacted {
            let known = self.hashes.entry((hash.compact_revision, hash.revision)).or_insert(hash.hash);
            assert_eq!(*known, hash.hash, "at {} of {}", hash.revision, hash.compact_revision);
        }
    }

    fn history(&self, from: i64, range: &KeyRange, limit: HistoryLimit) {
        let store = &self.world.store;
        if from < self.model.compacted {
            assert!(store.events(range, from, limit).is_err());
            return;
        }
        let (mut found, mut next) = (Vec::new(), from);
        while next <= self.model.revision() {
            let (batches, then) = store.events(range, next, limit).expect("not compacted");
            assert!(then > next && batches.len() <= limit.revisions);
            found.extend(batches);
            next = then;
        }
        let mut expected = self.world.events.clone();
        for batch in &mut expected {
            let keys: Vec<Bytes> = batch.events.iter().map(|event| event.key.clone()).collect();
            let mut at = 0;
            batch.events.retain(|event| {
                at += 1;
                // At the compacted revision only the last change of a key is kept.
                let kept = batch.revision > self.model.compacted || !keys[at..].contains(&event.key);
                kept && range.contains(&event.key)
            });
        }
        expected.retain(|batch| batch.revision >= from && !batch.events.is_empty());
        if self.model.compacted == from && !self.compactions.is_empty() {
            // Not everything that is to be removed is removed yet.
            found.retain(|batch| batch.revision > from);
            expected.retain(|batch| batch.revision > from);
        }
        assert_eq!(found, expected);
        for event in found.iter().flat_map(|batch| &batch.events) {
            self.event(event);
        }
    }

    /// An event must say what the contents before and after its revision show.
    fn event(&self, event: &oxetcd_api::Event) {
        let main = event.revision.main;
        let before = self.model.contents[main as usize - 1].get(&event.key[..]);
        let kv = event.key_value().expect("well-formed");
        assert_eq!((kv.key, kv.mod_revision), (event.key.clone(), main));
        let previous = self.world.store.previous(&event.key, main).expect("memory cannot fail");
        let previous = previous.map(|bytes| prost::Message::decode(bytes).expect("well-formed"));
        assert_eq!(previous.as_ref(), before.filter(|_| main > self.model.compacted));
        if event.kind == EventKind::Put {
            assert_eq!(event.created, kv.version == 1);
        }
    }

    fn stream(&self, mut range: pb::RangeRequest, keys: usize) {
        if check::range_stream(&range).is_err() {
            range = pb::RangeRequest { sort_order: 0, min_mod_revision: 0, max_mod_revision: 0, ..range };
            range = pb::RangeRequest { min_create_revision: 0, max_create_revision: 0, ..range };
        }
        let sorted = range.sort_target != 0 && !range.count_only;
        let whole = self.model.range(&range);
        let mut kvs = Vec::new();
        let mut stream = match self.world.store.range_stream(range) {
            Ok(stream) => stream,
            Err(error) => return assert_eq!(Err(common::words(error)), whole.map(drop)),
        };
        loop {
            let page = match stream.next_page(keys).map_err(common::words) {
                Ok(page) => page.expect("the last page says that it is"),
                Err(error) => return assert_eq!(Err(error), whole.map(drop)),
            };
            assert!(sorted || page.kvs.len() <= keys);
            kvs.extend(page.kvs.decode().expect("well-formed"));
            if let Some(end) = page.end {
                let whole = whole.expect("the stream could be read");
                assert_eq!((&kvs, end.count, end.more), (&whole.kvs, whole.count, whole.more));
                assert_eq!(Some(end.revision), whole.header.map(|header| header.revision));
                return assert!(matches!(stream.next_page(keys), Ok(None)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_the_model(crowded in any::<bool>(), steps in prop::collection::vec(step(), 1..60)) {
        let mut test = Test::new();
        if crowded {
            test.crowd();
        }
        for step in steps {
            test.run(step);
        }
        // At last everything is compacted, and what is left opens to the same.
        while !test.compactions.is_empty() {
            test.work(3);
        }
        test.run(Step::Commit);
        test.run(Step::Crash);
        let all = KeyRange::From(Bytes::from_static(b"\0"));
        let limit = HistoryLimit { revisions: 3, bytes: 100 };
        let from = test.model.compacted.max(1);
        test.history(from, &all, limit);
        for revision in from..=test.model.revision() {
            let range = pb::RangeRequest { key: "a".into(), range_end: "z".into(), revision, ..Default::default() };
            test.run(Step::Range(range));
        }
    }
}
