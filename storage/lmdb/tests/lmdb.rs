//! What only this engine has: growth of the map, its limit, its files.

use oxetcd_storage::{Batch, Durability, Engine, Error, Table};
use oxetcd_storage_lmdb::{Lmdb, Options};
use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path};

const MIB: u64 = 1 << 20;

fn key(n: u64) -> Vec<u8> {
    n.to_be_bytes().to_vec()
}

fn fill(range: std::ops::Range<u64>, value_bytes: usize) -> Batch {
    let mut batch = Batch::new();
    for n in range {
        batch.put(Table::Key, key(n), vec![n as u8; value_bytes]);
    }
    batch
}

fn count(engine: &dyn Engine) -> u64 {
    let mut count = 0;
    let visit = &mut |found: &[u8], _: &[u8]| {
        assert_eq!(found, key(count));
        count += 1;
        ControlFlow::Continue(())
    };
    engine.scan(Table::Key, b"", None, visit).unwrap();
    count
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_map_grows_while_a_checkpoint_and_a_scan_look_at_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options { reserve_bytes: MIB, ..Options::default() }).unwrap();
    engine.commit(&fill(0..100, 1000), Durability::Synced).unwrap();
    let checkpoint = engine.checkpoint().unwrap();
    let mut seen = 0;
    std::thread::scope(|scope| {
        let visit = &mut |found: &[u8], value: &[u8]| {
            assert_eq!((found, value), (&key(seen)[..], &[seen as u8; 1000][..]));
            if seen == 0 {
                // Outgrows the map several times.
                scope.spawn(|| engine.commit(&fill(100..10_000, 1000), Durability::Buffered).unwrap());
            } else if seen < 90 {
                std::thread::yield_now();
            }
            seen += 1;
            ControlFlow::Continue(())
        };
        checkpoint.scan(Table::Key, b"", visit).unwrap();
    });
    assert_eq!(seen, 100);
    assert_eq!(count(&engine), 10_000);
    assert!(engine.size().unwrap().total_bytes > 9 * MIB);
}

#[test]
fn the_limit_refuses_writes_and_lets_deletes_through() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: Some(8 * MIB), ..Options::default() };
    let engine = Lmdb::open(dir.path(), options).unwrap();
    let mut written = 0;
    let error = loop {
        match engine.commit(&fill(written..written + 500, 1000), Durability::Buffered) {
            Ok(()) => written += 500,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(written * 1000 > 6 * MIB, "{written}");
    assert_eq!(count(&engine), written);
    // Small writes go on a little: alarms and marks must have room. Not for ever.
    let mut small = written;
    while engine.commit(&fill(small..small + 10, 1000), Durability::Buffered).is_ok() {
        small += 10;
        assert!(small < written + 2000);
    }
    assert!(small > written);
    for first in (written / 2..small).step_by(100) {
        let mut batch = Batch::new();
        (first..first + 100).for_each(|n| _ = batch.delete(Table::Key, key(n)));
        engine.commit(&batch, Durability::Buffered).unwrap();
    }
    engine.commit(&fill(written / 2..written / 2 + 500, 1000), Durability::Buffered).unwrap();
    assert!(engine.size().unwrap().total_bytes <= 9 * MIB + MIB / 2);
}

#[test]
fn defragmenting_swaps_the_file_under_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options::default()).unwrap();
    engine.commit(&fill(0..5000, 500), Durability::Synced).unwrap();
    let before = engine.size().unwrap();
    let checkpoint = engine.checkpoint().unwrap();
    let mut batch = Batch::new();
    (100..5000).for_each(|n| _ = batch.delete(Table::Key, key(n)));
    engine.commit(&batch, Durability::Synced).unwrap();
    let freed = engine.size().unwrap();
    assert!(freed.in_use_bytes < before.in_use_bytes / 5, "{freed:?} of {before:?}");
    engine.defragment().unwrap();
    let after = engine.size().unwrap();
    assert!(after.total_bytes < before.total_bytes / 5, "{after:?} of {before:?}");
    assert_eq!(files(dir.path()), ["data.2.mdb", "data.2.mdb-lock", "lock"]);
    engine.commit(&fill(100..200, 500), Durability::Synced).unwrap();
    assert_eq!(count(&engine), 200);
    let mut seen = 0;
    let visit = &mut |_: &[u8], _: &[u8]| {
        seen += 1;
        ControlFlow::Continue(())
    };
    checkpoint.scan(Table::Key, b"", visit).unwrap();
    assert_eq!(seen, 5000);
    drop(engine);
    // Still in use, by the checkpoint.
    assert!(matches!(Lmdb::open(dir.path(), Options::default()), Err(Error::Locked(_))));
    drop(checkpoint);
    assert_eq!(count(&Lmdb::open(dir.path(), Options::default()).unwrap()), 200);
}

#[test]
fn what_a_crash_left_behind_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options::default()).unwrap();
    engine.commit(&fill(0..10, 10), Durability::Synced).unwrap();
    drop(engine);
    fs::write(dir.path().join("data.2.mdb.tmp"), b"half a copy").unwrap();
    fs::write(dir.path().join("data.2.mdb.tmp-lock"), b"").unwrap();
    fs::write(dir.path().join("data.0.mdb"), b"replaced").unwrap();
    fs::write(dir.path().join("notes.txt"), b"not ours").unwrap();
    assert_eq!(count(&Lmdb::open(dir.path(), Options::default()).unwrap()), 10);
    assert_eq!(files(dir.path()), ["data.1.mdb", "data.1.mdb-lock", "lock", "notes.txt"]);
}

#[test]
fn a_cut_or_foreign_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options::default()).unwrap();
    engine.commit(&fill(0..1000, 1000), Durability::Synced).unwrap();
    drop(engine);
    let path = dir.path().join("data.1.mdb");
    let whole = fs::read(&path).unwrap();
    for len in [0, 1, 100, 4096, 8192, whole.len() / 2] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = Lmdb::open(dir.path(), Options::default()).err().expect("a cut file");
        assert!(matches!(error, Error::Corrupt(_)), "{len}: {error}");
    }
    fs::write(&path, vec![0x5a; whole.len()]).unwrap();
    assert!(matches!(Lmdb::open(dir.path(), Options::default()), Err(Error::Corrupt(_))));
    fs::write(&path, &whole).unwrap();
    assert_eq!(count(&Lmdb::open(dir.path(), Options::default()).unwrap()), 1000);
}

/// Numbers without order, the same each time.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |end| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % end
    }
}

#[test]
fn deep_trees_are_walked_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options::default()).unwrap();
    let (mut random, mut model) = (random(1), BTreeMap::new());
    for _ in 0..20 {
        let mut batch = Batch::new();
        for _ in 0..2000 {
            let key = key(random(60_000));
            if random(4) == 0 {
                batch.delete(Table::Lease, key.clone());
                model.remove(&key);
            } else {
                let longest = if random(50) == 0 { 12_000 } else { 60 };
                let value = vec![random(256) as u8; random(longest) as usize];
                batch.put(Table::Lease, key.clone(), value.clone());
                model.insert(key, value);
            }
        }
        engine.commit(&batch, Durability::Buffered).unwrap();
    }
    for round in 0..300 {
        // Some of it after all pages have moved.
        if round == 200 {
            engine.defragment().unwrap();
        }
        let (from, limit) =
            (key(random(61_000)), if round % 50 == 0 { usize::MAX } else { random(300) as usize + 1 });
        let mut found = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            found.push((key.to_vec(), value.to_vec()));
            if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        engine.scan(Table::Lease, &from, None, visit).unwrap();
        let wanted = model.range(from..).take(limit).map(|(key, value)| (key.clone(), value.clone()));
        assert!(found.into_iter().eq(wanted), "round {round}");
        let keys: Vec<_> = (0..50).map(|_| key(random(60_000))).collect();
        let slices: Vec<_> = keys.iter().map(|key| &key[..]).collect();
        let visit = &mut |at: usize, value: Option<&[u8]>| {
            assert_eq!(value, model.get(&keys[at]).map(|value| &value[..]));
            ControlFlow::Continue(())
        };
        engine.get_many(Table::Lease, &slices, visit).unwrap();
    }
}

#[test]
fn damaged_pages_are_errors_when_they_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(dir.path(), Options::default()).unwrap();
    engine.commit(&fill(0..5000, 200), Durability::Synced).unwrap();
    engine.commit(&fill(5000..5010, 20_000), Durability::Synced).unwrap();
    drop(engine);
    let path = dir.path().join("data.1.mdb");
    let whole = fs::read(&path).unwrap();
    let tables = whole.windows(15).position(|bytes| bytes == b"members_removed").unwrap();
    let (mut random, mut refused) = (random(2), 0);
    for round in 0..80 {
        let mut bytes = whole.clone();
        // Some rounds are about the page that LMDB finds the tables in, and about the roots.
        let at = if round < 10 {
            tables / 4096 * 4096 + round
        } else {
            8192 + random(whole.len() as u64 - 8256) as usize
        };
        for byte in &mut bytes[at..at + 1 + (at % 64)] {
            *byte = random(256) as u8;
        }
        fs::write(&path, &bytes).unwrap();
        let read = || {
            let engine = Lmdb::open(dir.path(), Options::default())?;
            for n in (0..5010).step_by(5) {
                engine.get(Table::Key, &key(n))?;
            }
            engine.scan(Table::Key, b"", None, &mut |_, _| ControlFlow::Continue(()))
        };
        match read() {
            // Of two roots the older may be the damaged one.
            Ok(()) => {}
            Err(Error::Corrupt(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // Most hit the bytes of a value, which nobody checks here.
    assert!(refused > 5, "{refused}");
}
