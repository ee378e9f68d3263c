//! A store over damaged tables: an error or some answer, never a panic.

mod common;

use bytes::Bytes;
use common::{Leases, World, finish};
use oxetcd_api::{KeyRange, etcdserverpb as pb};
use oxetcd_mvcc::{Error, HistoryLimit, Store};
use oxetcd_storage::{Batch, Buffer, Durability, Engine, Memory, Op, Table};
use proptest::prelude::*;
use std::{ops::ControlFlow, sync::Arc};

/// A store with some history, a compaction among it.
fn sample() -> Arc<Memory> {
    let mut world = World::default();
    world.leases.granted.insert(7);
    for number in 0..12u8 {
        let (key, lease) = (vec![b'a' + number % 4], if number % 3 == 0 { 7 } else { 0 });
        let put = pb::PutRequest { key: key.into(), value: vec![number].into(), lease, ..Default::default() };
        world.put(&put).expect("a put");
    }
    world.delete(&pb::DeleteRangeRequest { key: "b".into(), ..Default::default() }).expect("a deletion");
    world.compact(6).expect("not compacted yet");
    world.commit();
    world.engine
}

/// Everything in the two tables that the store reads.
fn contents(engine: &Memory) -> Vec<Op> {
    let mut ops = Vec::new();
    for table in [Table::Key, Table::Meta] {
        let mut add = |key: &[u8], value: &[u8]| {
            let (key, value) = (Bytes::copy_from_slice(key), Some(Bytes::copy_from_slice(value)));
            ops.push(Op { table, key, value });
            ControlFlow::Continue(())
        };
        engine.scan(table, b"", None, &mut add).expect("memory cannot fail");
    }
    ops
}

#[derive(Clone, Debug)]
enum Damage {
    /// A byte of the key or of the value becomes another.
    Byte(bool, prop::sample::Index, u8),
    /// The end of the key or of the value is missing.
    Cut(bool, prop::sample::Index),
    /// The record is missing.
    Gone,
}

fn damage() -> impl Strategy<Value = (prop::sample::Index, Damage)> {
    let damage = prop_oneof![
        (any::<bool>(), any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(key, at, to)| Damage::Byte(key, at, to)),
        (any::<bool>(), any::<prop::sample::Index>()).prop_map(|(key, at)| Damage::Cut(key, at)),
        Just(Damage::Gone),
    ];
    (any::<prop::sample::Index>(), damage)
}

fn apply(op: &mut Op, damage: &Damage) {
    let change = |bytes: &Bytes| match damage {
        Damage::Byte(_, at, to) if !bytes.is_empty() => {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = *to;
            bytes.into()
        }
        Damage::Cut(_, at) => bytes.slice(..at.index(bytes.len() + 1)),
        Damage::Byte(..) | Damage::Gone => bytes.clone(),
    };
    match damage {
        Damage::Gone => op.value = None,
        Damage::Byte(true, ..) | Damage::Cut(true, _) => op.key = change(&op.key),
        Damage::Byte(false, ..) | Damage::Cut(false, _) => op.value = op.value.as_ref().map(change),
    }
}

/// Uses the store in every way.
fn use_it(store: &Store) -> Result<(), Error> {
    let all =
        pb::RangeRequest { key: "\0".into(), range_end: Bytes::from_static(b"\0"), ..Default::default() };
    store.range(&all)?.to_message()?;
    store.range(&pb::RangeRequest { sort_target: 4, keys_only: true, ..all })?.to_message()?;
    store.hash_kv(0)?;
    let everything = KeyRange::From(Bytes::from_static(b"\0"));
    store.events(&everything, store.compacted().max(1), HistoryLimit { revisions: 9, bytes: 900 })?;
    let mut leases = Leases::default();
    for number in 0..2u8 {
        let put = pb::PutRequest {
            key: "a".into(),
            value: vec![number].into(),
            prev_kv: true,
            ..Default::default()
        };
        // Leases are not looked at here: which keys have one is a matter of the damaged records.
        store.apply_put(&store.buffer().begin(), &put, &mut Ignore(&mut leases))?;
    }
    let compaction = store.compact(&store.buffer().begin(), store.revision())?;
    finish(compaction);
    Ok(())
}

struct Ignore<'a>(&'a mut Leases);

impl oxetcd_mvcc::LeaseBinding for Ignore<'_> {
    fn exists(&self, id: i64) -> bool {
        self.0.granted.contains(&id)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_reported_or_lived_with(damages in prop::collection::vec(damage(), 1..4)) {
        let mut ops = contents(&sample());
        for (at, damage) in &damages {
            let at = at.index(ops.len());
            apply(&mut ops[at], damage);
        }
        ops.retain(|op| !op.key.is_empty());
        let engine = Arc::new(Memory::new());
        engine.commit(&ops.into_iter().collect::<Batch>(), Durability::Synced).expect("memory cannot fail");
        let opened = Store::open(Arc::new(Buffer::new(engine)), &mut |_, _| {});
        let outcome = opened.and_then(|(store, _)| use_it(&store));
        if let Err(error) = outcome {
            prop_assert!(matches!(error, Error::Corrupt(_) | Error::Compacted), "{}", error);
        }
    }
}
