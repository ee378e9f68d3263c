//! Exports: both passes, what can go wrong between and in them, and how the output is used.

use crate::common::*;
use oxetcd_storage_bolt::{
    Error, ExportError, MAX_KEY_BYTES, Plan, Reader, SeekWriter, TRAILER_BYTES, Visit, Writer, has_trailer,
    plan, write,
};
use std::{
    cell::Cell,
    io::{self, Write},
};

/// `count` records with values of `value_bytes`.
fn scan(count: u64, value_bytes: usize) -> impl Fn(usize, &mut Visit<'_>) -> Result<(), String> {
    move |_, visit| {
        let value = vec![3; value_bytes];
        for n in 0..count {
            if visit(&n.to_be_bytes(), &value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Output that counts, and may fail.
#[derive(Default)]
struct Pieces {
    sizes: Vec<usize>,
    room: Option<usize>,
}

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let total: usize = self.sizes.iter().sum();
        if self.room.is_some_and(|room| total + piece.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.sizes.push(piece.len());
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_size_is_known_before_and_output_comes_in_large_pieces() {
    let layout = plan(&["key"], scan(20_000, 300)).unwrap();
    let pieces = write(&["key"], layout, Pieces::default(), scan(20_000, 300)).unwrap().sizes;
    assert_eq!(pieces.iter().sum::<usize>() as u64, layout.bytes());
    assert_eq!(layout.pages() * 4096, layout.bytes());
    let (last, others) = pieces.split_last().unwrap();
    assert!(others.iter().all(|piece| (65_536..131_072).contains(piece)), "{pieces:?}");
    assert!(*last < 131_072);
}

#[test]
fn records_that_changed_between_the_passes_are_told() {
    let layout = plan(&["key"], scan(5000, 300)).unwrap();
    for (count, value_bytes) in [(4000, 300), (6000, 300), (5000, 200), (5000, 400), (0, 0)] {
        let found = write(&["key"], layout, Vec::new(), scan(count, value_bytes));
        assert!(matches!(found, Err(ExportError::Bolt(Error::Changed))), "{count} {value_bytes}");
    }
    // Far too many records end at the planned size, not after all of them.
    let visited = Cell::new(0u64);
    let many = |_: usize, visit: &mut Visit<'_>| {
        while visit(&visited.get().to_be_bytes(), &[3; 300]).is_continue() {
            visited.set(visited.get() + 1);
            assert!(visited.get() < 10_000);
        }
        Ok::<(), String>(())
    };
    assert!(matches!(write(&["key"], layout, Vec::new(), many), Err(ExportError::Bolt(Error::Changed))));
}

#[test]
fn a_failing_scan_ends_the_export() {
    let failing = |_: usize, visit: &mut Visit<'_>| {
        let _ = visit(b"k", b"v");
        Err("the engine is gone".to_string())
    };
    assert_eq!(plan(&["key"], failing).unwrap_err().to_string(), "the engine is gone");
    let layout = plan(&["key"], scan(1, 1)).unwrap();
    assert!(matches!(write(&["key"], layout, Vec::new(), failing), Err(ExportError::Scan(_))));
}

#[test]
fn a_failing_output_ends_the_export() {
    let layout = plan(&["key"], scan(5000, 300)).unwrap();
    let out = Pieces { room: Some(200_000), ..Pieces::default() };
    let found = write(&["key"], layout, out, scan(5000, 300)).map(|_| ());
    let Err(ExportError::Bolt(Error::Io(error))) = found else { panic!("{found:?}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn records_that_no_file_can_hold_are_refused() {
    let mut plan = Plan::new();
    assert!(matches!(plan.put(b"k", b""), Err(Error::BucketMissing)));
    assert!(matches!(plan.bucket(b""), Err(Error::EmptyKey)));
    plan.bucket(b"b").unwrap();
    assert!(matches!(plan.put(b"", b""), Err(Error::EmptyKey)));
    plan.put(&vec![1; MAX_KEY_BYTES], b"").unwrap();
    assert!(matches!(plan.put(&vec![2; MAX_KEY_BYTES + 1], b""), Err(Error::LargeKey(_))));
    assert_eq!(plan.put(&[1], b"").unwrap_err().to_string(), "keys of bucket b are not in ascending order");
    plan.put(&[2], b"").unwrap();
    assert!(matches!(plan.put(&[2], b""), Err(Error::Order(_))));
    plan.bucket(b"a").unwrap();
    assert_eq!(plan.bucket(b"b").unwrap_err().to_string(), "bucket b is given twice");

    let layout = Plan::new().finish().unwrap();
    let mut writer = Writer::new(Vec::new(), layout).unwrap();
    writer.bucket(b"b").unwrap();
    writer.put(&[2], b"").unwrap();
    assert!(matches!(writer.put(&[1], b""), Err(Error::Order(_))));
}

#[test]
fn a_file_that_a_writer_holds_is_in_use() {
    use nix::fcntl::{Flock, FlockArg};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let model: Buckets = [(b"b".to_vec(), [(b"k".to_vec(), b"v".to_vec())].into())].into();
    let mut writer = SeekWriter::new(std::fs::File::create_new(&path).unwrap()).unwrap();
    for (name, records) in &model {
        writer.bucket(name).unwrap();
        records.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
    }
    let (mut file, layout) = writer.finish().unwrap();
    // A checksum behind the pages is not part of the content.
    file.write_all(&[5; TRAILER_BYTES as usize]).unwrap();
    assert!(has_trailer(file.metadata().unwrap().len()) && !has_trailer(layout.bytes()));
    drop(file);

    let locked = Flock::lock(std::fs::File::open(&path).unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
    assert!(matches!(Reader::open(&path), Err(Error::InUse)));
    drop(locked);
    let (one, other) = (Reader::open(&path).unwrap(), Reader::open(&path).unwrap());
    assert_eq!(content(&one), model);
    assert_eq!(content(&other), model);
    assert_eq!(one.bytes(), layout.bytes());
    assert_eq!(one.page_bytes(), 4096);
    assert!(matches!(one.get(b"c", b"k"), Err(Error::NoBucket(_))));
    assert!(matches!(Reader::open(dir.path().join("none")), Err(Error::Io(_))));
}
