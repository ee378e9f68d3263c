//! A device without room.
//!
//! Two ways, in a process of its own each: a limit to the size of files, which works everywhere, and a small
//! file system in memory, where this user may mount one.

use super::{
    Child, Model, Subject,
    child::{report, reports},
};
use crate::{Batch, Durability, Engine, Error, Table};
use std::path::Path;

/// Files may have 16 MiB (or 32: shells count in different blocks); writing more is an error, not a signal.
const LIMITED_FILES: &str = r#"trap '' XFSZ; ulimit -f 32768 || exit 1; exec "$@""#;
/// A file system of 32 MiB over the directory, seen by this process alone.
const SMALL_DEVICE: &str =
    r#"exec unshare -rm sh -c 'mount -t tmpfs -o size=32m tmpfs "$0" && exec "$@"' "$0" "$@""#;

/// A batch that finds no room is refused as [`Error::Full`] and leaves nothing behind. What was committed
/// stays readable, also by a process that comes later.
pub fn full_devices_refuse_whole_batches<S: Subject>(subject: &S, child: &Child) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(run(child, dir.path(), LIMITED_FILES), Some(true));
    let found = Model::read(&subject.open(dir.path()).expect("open with room"));
    assert!(found.table(Table::Meta).contains_key(&b"committed"[..]));
    let dir = tempfile::tempdir().expect("a temporary directory");
    match run(child, dir.path(), SMALL_DEVICE) {
        None => eprintln!("this user may not mount a file system; tested with limited files only"),
        result => assert_eq!(result, Some(true)),
    }
}

/// Whether the child held the contract; `None` when it was not even started.
fn run(child: &Child, dir: &Path, shell: &str) -> Option<bool> {
    let mut process = child.command("fill", dir, Some(shell)).spawn().ok()?;
    let answer: Vec<_> = reports(&mut process).collect();
    process.wait().expect("the child's end");
    (!answer.is_empty()).then(|| answer == ["started", "held"])
}

fn batch(n: u64, records: u64) -> Batch {
    let mut batch = Batch::new();
    for at in 0..records {
        let key = [n.to_be_bytes(), at.to_be_bytes()].concat();
        let value: Vec<u8> = (0..64)
            .flat_map(|word: u64| {
                (n ^ at << 20 ^ word << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
            })
            .collect();
        batch.put(Table::Key, key, value);
    }
    batch.put(Table::Meta, "committed", n.to_be_bytes().to_vec());
    batch
}

/// The child's part: commits until there is no room.
pub(super) fn fill_up<S: Subject>(subject: &S, dir: &Path) {
    report("started");
    let engine = subject.open(dir).expect("open with room");
    let mut model = Model::new();
    let mut n = 0;
    let error = loop {
        let next = batch(n, 500);
        let durability = if n % 2 == 0 { Durability::Synced } else { Durability::Buffered };
        match engine.commit(&next, durability) {
            Ok(()) => model.apply(&next),
            Err(error) => break error,
        }
        n += 1;
        assert!(n < 1000, "far more than there is room for");
    };
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(n > 4, "full after {n} batches of 256 KiB");
    assert_eq!(Model::read(&engine), model, "parts of the refused batch");
    // It is as full as before, and still whole.
    let error = engine.commit(&batch(n, 500), Durability::Synced).expect_err("no room");
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert_eq!(
        engine.get(Table::Key, &[0; 16]).expect("get"),
        model.table(Table::Key).get(&[0; 16][..]).cloned()
    );
    free(subject, &engine, &mut model);
    drop(engine);
    assert_eq!(Model::read(&subject.open(dir).expect("open without room")), model);
    report("held");
}

/// Deletes the older half, which must go, and writes again where that has made room.
fn free<S: Subject>(subject: &S, engine: &S::Engine, model: &mut Model) {
    let keys: Vec<_> = model.table(Table::Key).keys().cloned().collect();
    for keys in keys[..keys.len() / 2].chunks(200) {
        let mut batch = Batch::new();
        keys.iter().for_each(|key| _ = batch.delete(Table::Key, key.clone()));
        batch.put(Table::Meta, "compacted", keys[0].clone());
        engine.commit(&batch, Durability::Synced).expect("a batch that frees room");
        model.apply(&batch);
    }
    if subject.reuses_room() {
        let next = batch(1 << 40, 500);
        engine.commit(&next, Durability::Synced).expect("there is room again");
        model.apply(&next);
    }
    assert_eq!(&Model::read(engine), model);
}
