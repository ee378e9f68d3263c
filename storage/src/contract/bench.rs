//! One benchmark for all engines. Nothing here knows a benchmark harness: [`engine_bench!`](crate::engine_bench)
//! expands to criterion's calls in the engine's own crate.

use crate::{Batch, Engine, Result, Table};
use bytes::Bytes;
use std::ops::ControlFlow;

/// Records of a batch: as many as a commit in the background takes at most.
pub const BATCH_RECORDS: u64 = 10_000;
/// Records there are before reads are measured.
pub const RECORDS: u64 = 100_000;
/// Bytes of a value.
const VALUE_BYTES: usize = 300;

/// The key of a revision, as the key table has them.
pub fn key(revision: u64) -> Bytes {
    let mut key = revision.to_be_bytes().to_vec();
    key.push(b'_');
    key.extend(0_u64.to_be_bytes());
    key.into()
}

/// A batch of `records` revisions from `first` on.
pub fn revisions(first: u64, records: u64) -> Batch {
    let value = Bytes::from(vec![0x5a; VALUE_BYTES]);
    let mut batch = Batch::new();
    for revision in first..first + records {
        batch.put(Table::Key, key(revision), value.clone());
    }
    batch.put(Table::Meta, "consistent_index", (first + records).to_be_bytes().to_vec());
    batch
}

/// A batch that deletes every second of `records` revisions from `first` on, as compaction does.
pub fn compaction(first: u64, records: u64) -> Batch {
    let mut batch = Batch::new();
    (first..first + records).step_by(2).for_each(|revision| _ = batch.delete(Table::Key, key(revision)));
    batch
}

/// Numbers below `end` without order, the same each time.
pub fn shuffled(end: u64) -> impl Iterator<Item = u64> {
    let mut state = 0x853c_49e6_748f_ea9b_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % end
    })
}

/// Bytes of all values that a scan of the key table finds.
///
/// # Errors
/// As [`Engine::scan`].
pub fn scan(engine: &dyn Engine) -> Result<usize> {
    let mut bytes = 0;
    let visit = &mut |_: &[u8], value: &[u8]| {
        bytes += value.len();
        ControlFlow::Continue(())
    };
    engine.scan(Table::Key, b"", None, visit)?;
    Ok(bytes)
}

/// Bytes of the values of `keys`.
///
/// # Errors
/// As [`Engine::get_many`].
pub fn get_many(engine: &dyn Engine, keys: &[Bytes]) -> Result<usize> {
    let keys: Vec<_> = keys.iter().map(|key| &key[..]).collect();
    let mut bytes = 0;
    let visit = &mut |_: usize, value: Option<&[u8]>| {
        bytes += value.map_or(0, <[u8]>::len);
        ControlFlow::Continue(())
    };
    engine.get_many(Table::Key, &keys, visit)?;
    Ok(bytes)
}

/// Defines `fn bench(&mut criterion::Criterion)` that measures an engine: commits, lookups, scans. The caller's
/// crate has criterion. `$open` is a function from an empty directory to the engine.
#[macro_export]
macro_rules! engine_bench {
    ($name:literal, $open:expr) => {
        fn bench(criterion: &mut criterion::Criterion) {
            use $crate::{Durability, Engine, Table, contract::bench as body};
            let dir = tempfile::tempdir().expect("a temporary directory");
            let engine = $open(dir.path());
            let mut next = 0;
            for _ in 0..body::RECORDS / body::BATCH_RECORDS {
                let batch = body::revisions(next, body::BATCH_RECORDS);
                engine.commit(&batch, Durability::Synced).expect("commit");
                next += body::BATCH_RECORDS;
            }
            let mut group = criterion.benchmark_group($name);
            let mut order = body::shuffled(body::RECORDS);
            group.bench_function("get", |b| {
                b.iter(|| engine.get(Table::Key, &body::key(order.next().unwrap_or(0))).expect("get"))
            });
            let near: Vec<_> = (5000..6000).map(body::key).collect();
            let far: Vec<_> = body::shuffled(body::RECORDS).take(1000).map(body::key).collect();
            for (name, keys) in [("get 1000 neighbours", &near), ("get 1000 at random", &far)] {
                group.bench_function(name, |b| b.iter(|| body::get_many(&engine, keys).expect("get_many")));
            }
            group.sample_size(20);
            group.bench_function("scan 100000", |b| b.iter(|| body::scan(&engine).expect("scan")));
            for durability in [Durability::Buffered, Durability::Synced] {
                group.bench_function(format!("commit 10000 {durability:?}"), |b| {
                    b.iter_batched(
                        || {
                            next += body::BATCH_RECORDS;
                            body::revisions(next, body::BATCH_RECORDS)
                        },
                        |batch| engine.commit(&batch, durability).expect("commit"),
                        criterion::BatchSize::PerIteration,
                    )
                });
            }
            let mut first = 0;
            group.bench_function("delete 5000 of 10000", |b| {
                b.iter_batched(
                    || {
                        first += body::BATCH_RECORDS;
                        body::compaction(first, body::BATCH_RECORDS)
                    },
                    |batch| engine.commit(&batch, Durability::Buffered).expect("commit"),
                    criterion::BatchSize::PerIteration,
                )
            });
            group.finish();
        }
        criterion::criterion_group!(benches, bench);
        criterion::criterion_main!(benches);
    };
}
