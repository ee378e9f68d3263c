//! How much room an engine says it takes, and how it gives room back.

use super::{Model, Subject};
use crate::{Batch, Durability, Engine, Size, Table};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const MIB: u64 = 1 << 20;

/// 4 MiB of records.
fn fill(engine: &dyn Engine) {
    for first in (0..4096_u64).step_by(512) {
        let mut batch = Batch::new();
        for n in first..first + 512 {
            // Not to be compressed away.
            let value: Vec<u8> = (0..128_u64)
                .flat_map(|at| (n ^ (at << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
                .collect();
            batch.put(Table::Key, n.to_be_bytes().to_vec(), value);
        }
        engine.commit(&batch, Durability::Buffered).expect("commit");
    }
    engine.commit(&Batch::new(), Durability::Synced).expect("commit");
}

/// The size grows with what is written, and not much beyond it.
pub fn sizes_are_plausible<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    let Size { total_bytes: empty, .. } = engine.size().expect("size");
    assert!(empty < 2 * MIB, "{empty} bytes without a record");
    fill(&engine);
    let Size { total_bytes, in_use_bytes } = engine.size().expect("size");
    assert!(in_use_bytes <= total_bytes, "{in_use_bytes} used of {total_bytes}");
    assert!((4 * MIB..24 * MIB).contains(&total_bytes), "{total_bytes} bytes for 4 MiB");
    assert!(in_use_bytes >= 3 * MIB, "{in_use_bytes} bytes used for 4 MiB");
}

/// Defragmenting changes nothing but the size, which shrinks with what was deleted.
pub fn defragmenting_keeps_and_shrinks<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    engine.defragment().expect("defragment without a record");
    fill(&engine);
    let full = engine.size().expect("size");
    let mut batch = Batch::new();
    (0..4096_u64).filter(|n| n % 8 != 0).for_each(|n| _ = batch.delete(Table::Key, n.to_be_bytes().to_vec()));
    batch.put(Table::Meta, "mark", "1");
    engine.commit(&batch, Durability::Synced).expect("commit");
    let before = Model::read(&engine);
    assert_eq!(before.table(Table::Key).len(), 512);
    engine.defragment().expect("defragment");
    assert_eq!(Model::read(&engine), before);
    let after = engine.size().expect("size");
    if subject.shrinks() {
        assert!(after.total_bytes < full.total_bytes / 2, "{after:?} of {full:?}");
    } else {
        assert!(after.total_bytes <= full.total_bytes * 3, "{after:?} of {full:?}");
    }
    let mut batch = Batch::new();
    batch.put(Table::Meta, "after", "1").delete(Table::Meta, "mark");
    engine.commit(&batch, Durability::Synced).expect("commit");
    let mut wanted = before;
    wanted.apply(&batch);
    assert_eq!(Model::read(&engine), wanted);
}

/// What is committed while the engine is defragmented is there afterwards, deletions too, and after a reopening.
pub fn commits_beside_defragmenting_are_kept<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    fill(&engine);
    let (mut model, is_over) = (Model::read(&engine), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let defragmenting = scope.spawn(|| {
            (0..3).for_each(|_| engine.defragment().expect("defragment"));
            is_over.store(true, Ordering::Release);
        });
        let mut number = 0_u64;
        while number < 100 || (number < 20_000 && !is_over.load(Ordering::Acquire)) {
            let mut batch = Batch::new();
            batch.delete(Table::Key, (number % 4096).to_be_bytes().to_vec());
            batch.put(Table::Key, [&b"new"[..], &number.to_be_bytes()].concat(), vec![number as u8; 300]);
            batch.put(Table::Lease, (number % 50).to_be_bytes().to_vec(), vec![b'l'; 700]);
            let durability =
                if number.is_multiple_of(10) { Durability::Synced } else { Durability::Buffered };
            engine.commit(&batch, durability).expect("commit");
            model.apply(&batch);
            number += 1;
        }
        defragmenting.join().expect("defragmenting went through");
    });
    assert_eq!(Model::read(&engine), model);
    engine.commit(&Batch::new(), Durability::Synced).expect("commit");
    drop(engine);
    if let Ok(again) = subject.open(dir.path()) {
        // An engine in memory is empty again.
        let left = Model::read(&again);
        assert!(left == model || left == Model::new(), "the records are others than before the reopening");
    }
}

/// Commits go through while a defragmentation copies: they do not wait for its end.
pub fn commits_do_not_wait_for_a_defragmentation<S: Subject>(subject: &S) {
    /// Commits that must begin and end within one defragmentation. One or two may slip in at its edges.
    const INSIDE: usize = 5;
    const PATIENCE: Duration = Duration::from_secs(120);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    for first in (0..4000_u64).step_by(500) {
        let mut batch = Batch::new();
        (first..first + 500).for_each(|n| _ = batch.put(Table::Key, n.to_be_bytes().to_vec(), vec![7; 4000]));
        engine.commit(&batch, Durability::Buffered).expect("commit");
    }
    // How often one has begun and how often one has ended: odd while one goes on.
    let (edges, is_enough, began) = (AtomicUsize::new(0), AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_enough.load(Ordering::Acquire) && began.elapsed() < 2 * PATIENCE {
                edges.fetch_add(1, Ordering::AcqRel);
                engine.defragment().expect("defragment");
                edges.fetch_add(1, Ordering::AcqRel);
            }
        });
        let (mut run, mut number) = ((0, 0), 0_u64);
        while run.1 < INSIDE && began.elapsed() < PATIENCE {
            let before = edges.load(Ordering::Acquire);
            let mut batch = Batch::new();
            batch.put(Table::Meta, "number", number.to_be_bytes().to_vec());
            engine.commit(&batch, Durability::Buffered).expect("commit");
            number += 1;
            let is_inside = before % 2 == 1 && edges.load(Ordering::Acquire) == before;
            run = match (is_inside, run.0 == before) {
                (true, true) => (before, run.1 + 1),
                (true, false) => (before, 1),
                (false, _) => run,
            };
        }
        is_enough.store(true, Ordering::Release);
        assert!(run.1 >= INSIDE, "commits wait until a defragmentation has ended");
    });
}
