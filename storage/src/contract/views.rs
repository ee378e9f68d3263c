//! What readers see while commits go on.

use super::{Model, Subject};
use crate::{Batch, Durability, Engine, Table};
use std::{
    collections::BTreeSet,
    ops::ControlFlow::Continue,
    sync::atomic::{AtomicBool, Ordering},
};

/// A batch that leaves its number everywhere: at both ends of each table, and in how many records lie between.
fn numbered(n: u64) -> Batch {
    let mut batch = Batch::new();
    for table in Table::ALL {
        batch.put(table, "a", n.to_be_bytes().to_vec()).put(table, "z", n.to_be_bytes().to_vec());
        // Records come and go: `n % 16` of them are there.
        for at in 0..16_u8 {
            let key = [&b"m"[..], &[at]].concat();
            let is_there = u64::from(at) < n % 16;
            _ = if is_there { batch.put(table, key, vec![at; 100]) } else { batch.delete(table, key) };
        }
    }
    batch
}

/// The number that a table's records carry; the records must agree on it.
fn number_of(mut scan: impl FnMut(&mut crate::Visit<'_>) -> crate::Result<()>) -> u64 {
    let (mut numbers, mut between) = (BTreeSet::new(), 0);
    scan(&mut |key, value| {
        match key {
            b"a" | b"z" => _ = numbers.insert(u64::from_be_bytes(value.try_into().expect("8 bytes"))),
            _ => between += 1,
        }
        Continue(())
    })
    .expect("scan");
    assert_eq!(numbers.len(), 1, "parts of several batches: {numbers:?}");
    let n = *numbers.first().expect("just counted");
    assert_eq!(between, n % 16, "parts of batch {n} and of another");
    n
}

/// Readers see all of a batch or nothing, and never go back in time.
pub fn batches_are_seen_whole<S: Subject>(subject: &S) {
    const BATCHES: u64 = 150;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    engine.commit(&numbered(0), Durability::Buffered).expect("commit");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|reader| {
            let (engine, is_over) = (&engine, &is_over);
            scope.spawn(move || {
                let (mut last, mut round) = (0, reader);
                while !is_over.load(Ordering::Acquire) || round < 4 {
                    let table = Table::ALL[round % Table::ALL.len()];
                    let n = if round % 2 == 0 {
                        number_of(|visit| engine.scan(table, b"", None, visit))
                    } else {
                        let checkpoint = engine.checkpoint().expect("checkpoint");
                        let all =
                            Table::ALL.map(|table| number_of(|visit| checkpoint.scan(table, b"", visit)));
                        assert!(all.iter().all(|&n| n == all[0]), "tables of several batches: {all:?}");
                        all[0]
                    };
                    assert!(n >= last, "batch {n} after batch {last}");
                    (last, round) = (n, round + 1);
                }
            })
        });
        for n in 1..=BATCHES {
            engine.commit(&numbered(n), Durability::Buffered).expect("commit");
            if n % 50 == 0 {
                engine.defragment().expect("defragment");
            }
        }
        is_over.store(true, Ordering::Release);
        for reader in readers {
            reader.join().expect("a reader saw what it must not");
        }
    });
    assert_eq!(number_of(|visit| engine.scan(Table::Key, b"", None, visit)), BATCHES);
}

/// Checkpoints hold what was there when they were taken: after commits, defragmenting, and other checkpoints'
/// ends.
pub fn checkpoints_stay_as_they_were<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    let mut model = Model::new();
    let mut checkpoints = vec![(engine.checkpoint().expect("checkpoint"), model.clone())];
    for n in 0..60_u64 {
        let mut batch = numbered(n);
        batch.put(Table::Key, [&b"r"[..], &n.to_be_bytes()].concat(), vec![n as u8; 500]);
        if n >= 20 {
            batch.delete(Table::Key, [&b"r"[..], &(n - 20).to_be_bytes()].concat());
        }
        engine.commit(&batch, Durability::Buffered).expect("commit");
        model.apply(&batch);
        if n % 7 == 0 {
            checkpoints.push((engine.checkpoint().expect("checkpoint"), model.clone()));
        }
        if n % 11 == 0 && checkpoints.len() > 2 {
            let (checkpoint, wanted) = checkpoints.remove(checkpoints.len() / 2);
            assert_eq!(Model::read_checkpoint(checkpoint.as_ref()), wanted);
        }
        if n == 30 {
            engine.defragment().expect("defragment");
        }
    }
    // A scan that starts inside, in another thread: a snapshot is sent from wherever it suits.
    let (checkpoint, wanted) = checkpoints.swap_remove(1);
    let from_m = std::thread::spawn(move || {
        let mut keys = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            Continue(())
        };
        checkpoint.scan(Table::Key, b"m", visit).expect("scan");
        keys
    });
    let keys: Vec<_> =
        wanted.table(Table::Key).keys().filter(|key| key[..] >= b"m"[..]).map(|key| key.to_vec()).collect();
    assert_eq!(from_m.join().expect("scan in another thread"), keys);
    for (checkpoint, wanted) in checkpoints {
        assert_eq!(Model::read_checkpoint(checkpoint.as_ref()), wanted);
    }
    assert_eq!(Model::read(&engine), model);
}
