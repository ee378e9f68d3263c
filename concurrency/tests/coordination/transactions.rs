//! The four levels of isolation, against the history of a store that forgets nothing.

use crate::{
    memory::{Keys, Memory, NoLease, pause},
    scheduler::Scheduler,
};
use bytes::Bytes;
use futures::FutureExt;
use oxetcd_concurrency::{Error, Isolation, Stm, transact};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const LEVELS: [Isolation; 4] = [
    Isolation::SerializableSnapshot,
    Isolation::Serializable,
    Isolation::RepeatableReads,
    Isolation::ReadCommitted,
];
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

type Read = (&'static str, Option<Bytes>);

/// One operation of a transaction.
#[derive(Clone, Copy, Debug)]
enum Op {
    Get(usize),
    Put(usize),
    Delete(usize),
}

/// What a transaction saw and did when it ran for the last time.
struct Record {
    level: Isolation,
    reads: Vec<Read>,
    writes: Vec<&'static str>,
    /// Revision of its commit.
    revision: i64,
}

fn value_at(keys: &Keys, key: &str) -> Option<Bytes> {
    keys.get(key.as_bytes()).map(|kv| kv.value.clone())
}

fn all_as_at(reads: &[Read], keys: &Keys) -> bool {
    reads.iter().all(|(key, value)| value_at(keys, key) == *value)
}

/// What the level promises, and nothing more.
fn holds(record: &Record, revisions: &[Keys]) -> bool {
    let wrote = record.writes.len();
    let before = if wrote == 0 { record.revision } else { record.revision - 1 } as usize;
    let unchanged = all_as_at(&record.reads, &revisions[before]);
    let moments = || (1..=before).rev().filter(|at| all_as_at(&record.reads, &revisions[*at]));
    let same =
        |at: usize, key: &&str| revisions[at].get(key.as_bytes()) == revisions[before].get(key.as_bytes());
    match record.level {
        Isolation::SerializableSnapshot => {
            unchanged
                && (record.reads.is_empty()
                    || moments().any(|at| record.writes.iter().all(|key| same(at, key))))
        }
        Isolation::Serializable | Isolation::RepeatableReads => unchanged,
        Isolation::ReadCommitted => record
            .reads
            .iter()
            .all(|read| revisions[..=before].iter().any(|keys| all_as_at(std::slice::from_ref(read), keys))),
    }
}

/// Does the operations, and notes reads that went to the store. What was written is read back as it was written.
async fn body(
    stm: &Stm<Memory>,
    ops: &[Op],
    tag: &str,
) -> Result<(Vec<Read>, Vec<&'static str>), Error<NoLease>> {
    let (mut reads, mut writes, mut own) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (at, op) in ops.iter().enumerate() {
        match *op {
            Op::Get(key) => {
                let found = stm.get(KEYS[key]).await?;
                match own.get(KEYS[key]) {
                    Some(written) => assert_eq!(found, *written, "a transaction does not see its own write"),
                    None => reads.push((KEYS[key], found)),
                }
            }
            Op::Put(key) => {
                let value = Bytes::from(format!("{tag}.{at}"));
                stm.put(KEYS[key], value.clone());
                own.insert(KEYS[key], Some(value));
                writes.push(KEYS[key]);
            }
            Op::Delete(key) => {
                stm.delete(KEYS[key]);
                own.insert(KEYS[key], None);
                writes.push(KEYS[key]);
            }
        }
        pause().await;
    }
    Ok((reads, writes))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0usize..4).prop_map(Op::Get),
        2 => (0usize..4).prop_map(Op::Put),
        1 => (0usize..4).prop_map(Op::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_level_keeps_its_promise(
        programs in prop::collection::vec((0usize..4, prop::collection::vec(op(), 1..6)), 2..7),
        choices in prop::collection::vec(0usize..1000, 0..300),
    ) {
        let mut scheduler = Scheduler::default();
        let memory = Memory::new(&scheduler.left);
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        // Every attempt of the two upper levels sees one moment, also those that are not committed.
        let seen: Arc<Mutex<Vec<Vec<Read>>>> = Arc::default();
        let tasks: Vec<_> = programs.into_iter().enumerate().map(|(number, (level, ops))| {
            let (memory, records, seen) = (memory.clone(), records.clone(), seen.clone());
            scheduler.add(async move {
                let (level, tag) = (LEVELS[level], format!("t{number}"));
                let (ops, tag, seen) = (&ops, &tag, &seen);
                let done = transact(&memory, level, |stm| async move {
                    let outcome = body(&stm, ops, tag).await?;
                    if matches!(level, Isolation::SerializableSnapshot | Isolation::Serializable) {
                        seen.lock().unwrap().push(outcome.0.clone());
                    }
                    Ok::<_, Error<NoLease>>(outcome)
                }).await.unwrap();
                let (reads, writes) = done.value;
                let revision = done.response.header.unwrap().revision;
                let changed = memory.revisions()[revision as usize].values().any(|kv| kv.mod_revision == revision && kv.value.starts_with(tag.as_bytes()));
                // Deleting what is not there changes nothing, and makes no revision.
                if changed || writes.is_empty() {
                    records.lock().unwrap().push(Record { level, reads, writes, revision });
                }
            }.boxed())
        }).collect();
        for choice in choices {
            scheduler.step(choice);
        }
        prop_assert!(scheduler.run_until(|scheduler| tasks.iter().all(|task| !scheduler.is_running(*task))), "stuck");
        let revisions = memory.revisions();
        for record in records.lock().unwrap().iter() {
            prop_assert!(holds(record, &revisions), "{:?}: {:?} before {}", record.level, record.reads, record.revision);
        }
        for reads in seen.lock().unwrap().iter() {
            prop_assert!(revisions.iter().any(|keys| all_as_at(reads, keys)), "of no one moment: {:?}", reads);
        }
    }
}

/// Runs one transaction that somebody else disturbs after its first read. Answers with how often it ran, and
/// whether the pair it read first was of one moment.
fn disturbed(
    level: Isolation,
    first: &'static str,
    second: Option<&'static str>,
    written: &'static str,
    by: &'static [&'static str],
) -> (usize, Vec<Option<Bytes>>) {
    let mut scheduler = Scheduler::default();
    let memory = Memory::new(&scheduler.left);
    for key in KEYS {
        memory.set(key, 0);
    }
    let outcome: Arc<Mutex<(usize, Vec<Option<Bytes>>)>> = Arc::default();
    let (store, shared) = (memory.clone(), outcome.clone());
    let task = scheduler.add(
        async move {
            let (store, shared) = (&store, &shared);
            transact(store, level, |stm| async move {
                let mut reads = vec![stm.get(first).await?];
                let runs = {
                    let mut shared = shared.lock().unwrap();
                    shared.0 += 1;
                    shared.0
                };
                if runs == 1 {
                    by.iter().for_each(|key| store.set(key, 1));
                }
                if let Some(second) = second {
                    reads.push(stm.get(second).await?);
                }
                stm.put(written, "mine");
                if runs == 1 {
                    shared.lock().unwrap().1 = reads;
                }
                Ok::<_, Error<NoLease>>(())
            })
            .await
            .unwrap();
        }
        .boxed(),
    );
    assert!(scheduler.run_until(|scheduler| !scheduler.is_running(task)));
    assert_eq!(memory.keys()[written.as_bytes()].value, "mine");
    let outcome = outcome.lock().unwrap();
    outcome.clone()
}

#[test]
fn the_levels_differ_in_what_they_let_pass() {
    let runs = |first, written, by| LEVELS.map(|level| disturbed(level, first, None, written, by).0);
    // What was read has changed: only the lowest level writes over it.
    assert_eq!(runs("a", "a", &["a"]), [2, 2, 2, 1]);
    // What is written unread has changed: only the highest level minds.
    assert_eq!(runs("a", "b", &["b"]), [2, 1, 1, 1]);
    // Something else has changed.
    assert_eq!(runs("a", "b", &["c"]), [1, 1, 1, 1]);
}

#[test]
fn the_upper_levels_read_of_one_moment() {
    let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let seen = LEVELS.map(|level| disturbed(level, "a", Some("b"), "d", &["a", "b"]).1);
    let (old, torn) = (vec![value("0"), value("0")], vec![value("0"), value("1")]);
    assert_eq!(seen, [old.clone(), old, torn.clone(), torn]);
}
