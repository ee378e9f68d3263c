//! Snapshot files: what is written, what is passed over, what is removed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxetcd_consensus::disk::{Fault, MemDisk};
use oxetcd_consensus::raftpb::{ConfState, Snapshot, SnapshotMetadata};
use oxetcd_consensus::{Disk, SnapError, SnapStore, walpb};
use proptest::prelude::*;

const DIR: &str = "/snap";

fn store() -> (MemDisk, SnapStore) {
    let disk = MemDisk::new();
    disk.create_dir(Path::new(DIR)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let store = SnapStore::new(Arc::new(disk.clone()), Path::new(DIR));
    (disk, store)
}

fn snapshot(term: u64, index: u64) -> Snapshot {
    let conf_state = ConfState { voters: vec![1], auto_leave: Some(false), ..ConfState::default() };
    let metadata = SnapshotMetadata { conf_state: Some(conf_state), index: Some(index), term: Some(term) };
    Snapshot { data: Some(format!("members at {index}").into_bytes().into()), metadata: Some(metadata) }
}

fn record(term: u64, index: u64) -> walpb::Snapshot {
    walpb::Snapshot { index: Some(index), term: Some(term), conf_state: None }
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

#[test]
fn the_newest_snapshot_that_the_log_knows_is_loaded() {
    let (disk, store) = store();
    assert_eq!(store.load_newest(None).unwrap(), None);
    for (term, index) in [(2, 16), (2, 0x2a), (3, 50)] {
        store.save(&snapshot(term, index)).unwrap();
    }
    assert!(disk.contents(&path("0000000000000002-000000000000002a.snap")).is_some());
    assert_eq!(store.load_newest(None).unwrap(), Some(snapshot(3, 50)));
    let records = [record(2, 16), record(2, 42), record(4, 50)];
    assert_eq!(store.load_newest(Some(&records)).unwrap(), Some(snapshot(2, 42)));
    assert_eq!(store.load_newest(Some(&[])).unwrap(), None);
}

#[test]
fn a_saved_snapshot_survives_a_crash() {
    for seed in 0..32 {
        let (disk, store) = store();
        store.save(&snapshot(2, 16)).unwrap();
        disk.crash(seed);
        assert_eq!(store.load_newest(None).unwrap(), Some(snapshot(2, 16)));
    }
}

#[test]
fn the_file_is_what_the_reference_writes() {
    let (disk, store) = store();
    let tiny = Snapshot {
        data: Some(b"{}".as_slice().into()),
        metadata: Some(SnapshotMetadata { conf_state: None, index: Some(1), term: Some(2) }),
    };
    store.save(&tiny).unwrap();
    let found = disk.contents(&path("0000000000000002-0000000000000001.snap")).unwrap();
    let data = [0x0a, 2, b'{', b'}', 0x12, 4, 0x10, 1, 0x18, 2];
    // Field 1: the checksum as a varint; field 2: the data.
    let data_at = found.len() - data.len() - 2;
    assert_eq!(found[data_at..data_at + 2], [0x12, 10]);
    assert_eq!(found[data_at + 2..], data);
    assert_eq!(found[0], 0x08);
}

#[test]
fn a_damaged_file_is_set_aside() {
    let (disk, store) = store();
    store.save(&snapshot(2, 16)).unwrap();
    store.save(&snapshot(2, 17)).unwrap();
    let newest = path("0000000000000002-0000000000000011.snap");
    disk.corrupt(&newest, |bytes| bytes[20] ^= 1);
    assert!(matches!(store.read(&newest), Err(SnapError::Corrupt { .. })));
    assert_eq!(store.load_newest(None).unwrap(), Some(snapshot(2, 16)));
    assert!(disk.contents(&newest).is_none());
    assert!(disk.contents(&path("0000000000000002-0000000000000011.snap.broken")).is_some());
}

#[test]
fn a_snapshot_that_could_not_be_written_leaves_nothing() {
    for skip in 0..3 {
        let (disk, store) = store();
        disk.fail_after(skip, Fault::Error(ErrorKind::StorageFull));
        let error = store.save(&snapshot(2, 16)).unwrap_err();
        assert!(matches!(error, SnapError::Io { .. }), "{error}");
        assert_eq!(disk.list(Path::new(DIR)).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn old_files_are_removed_and_others_left_alone() {
    let (disk, store) = store();
    for index in 1..=7 {
        store.save(&snapshot(1, index)).unwrap();
    }
    for name in ["db", "0000000000000003.snap.db", "0000000000000009.snap.db", "x.snap"] {
        drop(disk.open(&path(name), oxetcd_consensus::disk::Open::Create).unwrap());
    }
    assert_eq!(store.purge(5).unwrap(), 2);
    assert_eq!(store.purge(5).unwrap(), 0);
    assert_eq!(store.release_databases(9).unwrap(), 1);
    let mut names = disk.list(Path::new(DIR)).unwrap();
    names.sort();
    let kept: Vec<_> = (3..=7).map(|index| format!("{:016x}-{index:016x}.snap", 1)).collect();
    let others = ["0000000000000009.snap.db", "db", "x.snap"];
    let mut expected: Vec<_> = kept.into_iter().chain(others.map(str::to_owned)).collect();
    expected.sort();
    assert_eq!(names, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A damaged file is refused, or reads as exactly what was saved: a checksum takes five bytes on disk, which
    /// hold 35 bits, and the three above the 32nd are dropped by whoever reads a 32-bit number. To flip one of
    /// those changes the file, but nothing that it says. A file that was cut short is always refused.
    #[test]
    fn damage_is_noticed(at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<bool>()) {
        let (disk, store) = store();
        store.save(&snapshot(2, 16)).unwrap();
        let path = path("0000000000000002-0000000000000010.snap");
        disk.corrupt(&path, |bytes| {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        });
        match store.read(&path) {
            Err(_) => {}
            Ok(found) => {
                prop_assert!(!cut, "the end is missing");
                prop_assert_eq!(found, snapshot(2, 16));
            }
        }
    }
}
