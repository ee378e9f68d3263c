//! The corners of single calls.

use super::Subject;
use crate::{Batch, Durability, Engine, Table};
use std::ops::ControlFlow::{Break, Continue};

fn open<S: Subject>(subject: &S) -> (tempfile::TempDir, S::Engine) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    (dir, engine)
}

fn scan_keys(engine: &dyn Engine, table: Table, from: &[u8], to: Option<&[u8]>, stop: usize) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        if keys.len() == stop { Break(()) } else { Continue(()) }
    };
    engine.scan(table, from, to, visit).expect("scan");
    keys
}

/// Scans begin and end where they should, stop when told, and stay inside their table.
pub fn scans_keep_their_bounds<S: Subject>(subject: &S) {
    let (_dir, engine) = open(subject);
    let mut batch = Batch::new();
    for table in Table::ALL {
        for key in [&b"\x00"[..], b"a", b"aa", b"b", b"\xff", b"\xff\xff"] {
            batch.put(table, key.to_vec(), key.to_vec());
        }
    }
    engine.commit(&batch, Durability::Buffered).expect("commit");
    for table in Table::ALL {
        let keys = |from: &[u8], to: Option<&[u8]>, stop| scan_keys(&engine, table, from, to, stop);
        assert_eq!(keys(b"", None, 9), [&b"\x00"[..], b"a", b"aa", b"b", b"\xff", b"\xff\xff"]);
        assert_eq!(keys(b"a", Some(b"b"), 9), [&b"a"[..], b"aa"]);
        assert_eq!(keys(b"a\x00", Some(b"b\x00"), 9), [&b"aa"[..], b"b"]);
        assert_eq!(keys(b"", None, 1), [b"\x00"]);
        assert_eq!(keys(b"b", None, 2), [&b"b"[..], b"\xff"]);
        assert_eq!(keys(b"\xff\xff\xff", None, 9), [b""; 0]);
        assert_eq!(keys(b"a", Some(b"a"), 9), [b""; 0]);
        assert_eq!(keys(b"b", Some(b"a"), 9), [b""; 0]);
        assert_eq!(keys(b"", Some(b""), 9), [b""; 0]);
        assert_eq!(engine.get(table, b"a\x00").expect("get"), None);
        assert_eq!(engine.get(table, b"").expect("get"), None);
    }
}

/// `get_many` answers in the order of its keys, whatever that is, and stops when told.
pub fn lookups_answer_in_order<S: Subject>(subject: &S) {
    let (_dir, engine) = open(subject);
    let mut batch = Batch::new();
    (0..100_u8).for_each(|n| _ = batch.put(Table::Key, vec![n], vec![n; usize::from(n) * 100]));
    engine.commit(&batch, Durability::Buffered).expect("commit");
    let wanted: [u8; 7] = [99, 0, 200, 50, 50, 1, 201];
    let keys: Vec<&[u8]> = wanted.iter().map(std::slice::from_ref).collect();
    let mut found = Vec::new();
    let mut visit = |at: usize, value: Option<&[u8]>| {
        assert_eq!(
            value,
            (wanted[at] < 100).then(|| vec![wanted[at]; usize::from(wanted[at]) * 100]).as_deref()
        );
        found.push(at);
        if at == 5 { Break(()) } else { Continue(()) }
    };
    engine.get_many(Table::Key, &keys, &mut visit).expect("get_many");
    assert_eq!(found, [0, 1, 2, 3, 4, 5]);
    engine.get_many(Table::Key, &[], &mut |_, _| panic!("nothing was asked for")).expect("get_many");
}

/// Of several changes of one key in one batch, the last counts; tables do not mix.
pub fn later_changes_of_a_batch_win<S: Subject>(subject: &S) {
    let (_dir, engine) = open(subject);
    let mut batch = Batch::new();
    batch.put(Table::Meta, "a", "1").delete(Table::Meta, "a").put(Table::Meta, "b", "1").put(
        Table::Meta,
        "b",
        "2",
    );
    batch.delete(Table::Meta, "c").put(Table::Meta, "c", "1").delete(Table::Key, "b").put(
        Table::Key,
        "c",
        "other",
    );
    batch.delete(Table::Meta, "never there");
    engine.commit(&batch, Durability::Synced).expect("commit");
    assert_eq!(scan_keys(&engine, Table::Meta, b"", None, 9), [b"b", b"c"]);
    assert_eq!(engine.get(Table::Meta, b"b").expect("get").as_deref(), Some(&b"2"[..]));
    assert_eq!(engine.get(Table::Meta, b"c").expect("get").as_deref(), Some(&b"1"[..]));
    assert_eq!(engine.get(Table::Key, b"c").expect("get").as_deref(), Some(&b"other"[..]));
    engine.commit(&Batch::new(), Durability::Synced).expect("a batch without changes");
}

/// Keys of 1 byte to 32 KiB and values of 0 bytes to 10 MiB are held, in order; an empty key is refused.
pub fn keys_and_values_have_their_limits<S: Subject>(subject: &S) {
    let (_dir, engine) = open(subject);
    let mut batch = Batch::new();
    batch.put(Table::Key, "empty value", "").put(Table::Key, "large", vec![1; 10 << 20]);
    let lengths = [1, 254, 255, 256, 510, 511, 512, 513, 1023, 2000, 4096, 32 << 10];
    // One is the other's beginning, so their order is that of their lengths.
    lengths.iter().for_each(|&len| _ = batch.put(Table::AuthUsers, vec![b'k'; len], len.to_string()));
    engine.commit(&batch, Durability::Synced).expect("commit");
    assert_eq!(engine.get(Table::Key, b"empty value").expect("get").as_deref(), Some(&b""[..]));
    let large = engine.get(Table::Key, b"large").expect("get").expect("is there");
    assert!(large.len() == 10 << 20 && large.iter().all(|&byte| byte == 1));
    let keys = scan_keys(&engine, Table::AuthUsers, b"", None, 99);
    assert_eq!(keys.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
    let from = vec![b'k'; 512];
    let to = vec![b'k'; 2000];
    let inside = scan_keys(&engine, Table::AuthUsers, &from, Some(&to), 99);
    assert_eq!(inside.iter().map(Vec::len).collect::<Vec<_>>(), [512, 513, 1023]);
    let mut batch = Batch::new();
    batch.delete(Table::AuthUsers, vec![b'k'; 513]).put(Table::AuthUsers, vec![b'k'; 1023], "new");
    engine.commit(&batch, Durability::Synced).expect("commit");
    for len in lengths {
        let wanted = if len == 1023 { "new".into() } else { len.to_string() };
        let found = engine.get(Table::AuthUsers, &vec![b'k'; len]).expect("get");
        assert_eq!(found.as_deref(), (len != 513).then_some(wanted.as_bytes()), "{len}");
    }
    let mut batch = Batch::new();
    batch.put(Table::Meta, "beside it", "1").put(Table::Meta, "", "1");
    engine.commit(&batch, Durability::Synced).expect_err("an empty key");
    assert_eq!(engine.get(Table::Meta, b"beside it").expect("get"), None);
}

/// A visitor may itself read from the engine.
pub fn visitors_may_read<S: Subject>(subject: &S) {
    let (_dir, engine) = open(subject);
    let mut batch = Batch::new();
    (0..50_u8)
        .for_each(|n| _ = batch.put(Table::Key, vec![n], vec![n]).put(Table::Lease, vec![n], vec![n, n]));
    engine.commit(&batch, Durability::Buffered).expect("commit");
    let mut visited = 0;
    let visit = &mut |key: &[u8], _: &[u8]| {
        let lease = engine.get(Table::Lease, key).expect("get in a visitor").expect("is there");
        assert_eq!(scan_keys(&engine, Table::Lease, key, None, 1), [key]);
        visited += lease.len();
        Continue(())
    };
    engine.scan(Table::Key, b"", None, visit).expect("scan");
    assert_eq!(visited, 100);
}
