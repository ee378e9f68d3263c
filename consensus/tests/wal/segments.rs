//! Many segments: cutting, opening in the middle, removing.

use std::sync::Arc;

use oxetcd_consensus::disk::{Fault, MemDisk};
use oxetcd_consensus::raftpb::{Entry, HardState};
use oxetcd_consensus::{Disk, Wal, WalError, walpb};

use crate::support::*;

/// A log of entries 1 to `last` over several segments.
fn long_log(disk: &MemDisk, last: u64) -> Wal {
    let mut wal = create(disk, 4096);
    for index in 1..=last {
        wal.append(&[entry(1, index, 500)], Some(&state(1, index)), true).unwrap();
    }
    wal
}

#[test]
fn a_log_is_opened_at_its_newest_valid_snapshot() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    for index in 1..=40 {
        wal.append(&[entry(1, index, 500)], Some(&state(1, index)), true).unwrap();
        if index % 10 == 0 {
            wal.save_snapshot(&snapshot(1, index - 3)).unwrap();
        }
    }
    // Written by a follower that then stopped before it could move its commit index. (The reference does that
    // with its next write, we with the same one, so its end has to be missing.)
    wal.save_snapshot(&snapshot(1, 99)).unwrap();
    wal.close().unwrap();
    disk.corrupt(segments(&disk).last().unwrap(), |bytes| {
        let frames = frames(bytes);
        bytes[frames[frames.len() - 2]..].fill(0);
    });
    let (_, replay) = Wal::open_newest(Arc::new(disk.clone()), &dir(), options(4096)).unwrap();
    assert_eq!(replay.start, snapshot(1, 37));
    assert_eq!(replay.entries, (38..=40).map(|index| entry(1, index, 500)).collect::<Vec<_>>());
    assert_eq!(replay.hard_state, state(1, 40));

    // Any other snapshot that the log knows is good too.
    let (_, replay) = Wal::open(Arc::new(disk.clone()), &dir(), &snapshot(1, 17), options(4096)).unwrap();
    assert_eq!(replay.entries.len(), 23);
    let missing = Wal::open(Arc::new(disk.clone()), &dir(), &snapshot(1, 18), options(4096)).err().unwrap();
    assert!(matches!(missing, WalError::SnapshotNotFound(18)), "{missing}");
    let other = Wal::open(Arc::new(disk.clone()), &dir(), &snapshot(2, 17), options(4096)).err().unwrap();
    assert!(matches!(other, WalError::SnapshotMismatch { index: 17, .. }), "{other}");
}

#[test]
fn later_entries_replace_earlier_ones() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    wal.append(&(1..=5).map(|index| entry(1, index, 10)).collect::<Vec<_>>(), Some(&state(1, 2)), true)
        .unwrap();
    wal.append(&[entry(2, 3, 20)], Some(&state(2, 2)), true).unwrap();
    wal.append(&[entry(2, 4, 30)], None, true).unwrap();
    wal.close().unwrap();
    let (_, replay) = open(&disk, 4096).unwrap();
    let expected = [entry(1, 1, 10), entry(1, 2, 10), entry(2, 3, 20), entry(2, 4, 30)];
    assert_eq!(replay.entries, expected);
}

#[test]
fn released_segments_are_purged_and_held_ones_stay() {
    let disk = MemDisk::new();
    let mut wal = long_log(&disk, 60);
    let all = segments(&disk);
    assert!(all.len() > 7, "{all:?}");
    assert_eq!(wal.purge(3).unwrap(), 0, "all are held");
    wal.save_snapshot(&snapshot(1, 50)).unwrap();
    wal.release_to(50);
    assert_eq!(wal.purge(all.len()).unwrap(), 0, "there are not too many");
    let removed = wal.purge(1).unwrap();
    assert!(removed > 5, "{removed}");
    wal.append(&[entry(1, 61, 500)], None, true).unwrap();
    wal.close().unwrap();
    let (_, replay) = Wal::open_newest(Arc::new(disk.clone()), &dir(), options(4096)).unwrap();
    assert_eq!(replay.entries.first().map(|entry| entry.index()), Some(51));
    assert_eq!(replay.entries.len(), 11);
    let error = open(&disk, 4096).err().unwrap();
    assert!(matches!(error, WalError::NoSegmentFor(0)), "{error}");
}

#[test]
fn segments_left_by_an_earlier_run_are_purged_too() {
    let disk = MemDisk::new();
    let mut wal = long_log(&disk, 60);
    wal.save_snapshot(&snapshot(1, 50)).unwrap();
    wal.close().unwrap();
    let before = segments(&disk).len();
    let (mut wal, _) = Wal::open_newest(Arc::new(disk.clone()), &dir(), options(4096)).unwrap();
    let removed = wal.purge(2).unwrap();
    assert!(removed > 0 && before - removed >= 2, "{before} {removed}");
    assert_eq!(segments(&disk).len(), before - removed);
}

#[test]
fn a_missing_segment_is_named() {
    let disk = MemDisk::new();
    drop(long_log(&disk, 40));
    let gone = segments(&disk)[2].clone();
    disk.remove_file(&gone).unwrap();
    let error = open(&disk, 4096).err().unwrap();
    assert!(matches!(error, WalError::MissingSegment { .. }), "{error}");
}

#[test]
fn no_log_is_not_an_empty_log() {
    let disk = MemDisk::new();
    let error = open(&disk, 4096).err().unwrap();
    assert!(matches!(error, WalError::NotFound(_)), "{error}");
}

#[test]
fn a_full_disk_is_an_error_that_loses_nothing_acknowledged() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    disk.set_capacity(Some(20_000));
    let mut acknowledged = 0;
    let error = loop {
        match wal.append(&[entry(1, acknowledged + 1, 700)], None, true) {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(
        error.to_string().contains("no storage space") || error.to_string().contains("storage"),
        "{error}"
    );
    let again = wal.append(&[entry(1, acknowledged + 1, 1)], None, true).err().unwrap();
    assert!(matches!(again, WalError::Poisoned(_)), "{again}");
    assert!(matches!(wal.close(), Err(WalError::Poisoned(_))));
    disk.set_capacity(None);
    let (_, replay) = open(&disk, 4096).unwrap();
    assert!(replay.entries.len() as u64 >= acknowledged);
}

#[test]
fn a_failed_sync_stops_the_log_for_good() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    disk.fail_after(1, Fault::Error(std::io::ErrorKind::Other));
    wal.append(&[entry(1, 1, 10)], None, true).unwrap_err();
    for _ in 0..2 {
        let error = wal.sync().unwrap_err();
        assert!(matches!(error, WalError::Poisoned(_)), "{error}");
    }
}

#[test]
fn a_snapshot_record_needs_its_members() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    let mut record = snapshot(1, 5);
    record.conf_state = None;
    let error = wal.save_snapshot(&record).unwrap_err();
    assert!(matches!(error, WalError::NoConfState(5)), "{error}");
    wal.save_snapshot(&snapshot(1, 5)).unwrap();
}

/// What a restart finds after `write`.
fn reopened(write: impl FnOnce(&mut Wal)) -> (walpb::Snapshot, Vec<(u64, u64)>, HardState) {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    write(&mut wal);
    wal.close().unwrap();
    let (_, replay) = Wal::open_newest(Arc::new(disk), &dir(), options(4096)).unwrap();
    let entries = replay.entries.iter().map(|entry| (entry.term(), entry.index())).collect();
    (replay.start, entries, replay.hard_state)
}

fn entries(term: u64, indexes: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    indexes.map(|index| entry(term, index, 5)).collect()
}

/// Found by the simulation: the end that a new leader's shorter log had replaced came back.
#[test]
fn entries_that_were_replaced_from_below_the_snapshot_stay_away() {
    let (start, found, _) = reopened(|wal| {
        wal.append(&entries(1, 1..=6), Some(&state(1, 3)), true).unwrap();
        wal.append(&entries(2, 4..=5), Some(&state(2, 5)), true).unwrap();
        wal.save_snapshot(&snapshot(2, 5)).unwrap();
    });
    assert_eq!((start, found), (snapshot(2, 5), vec![]));
}

/// Found by the simulation: a leader's snapshot takes the place of a log that it does not continue.
#[test]
fn entries_of_another_history_than_the_snapshots_are_void() {
    let (start, found, hard_state) = reopened(|wal| {
        wal.append(&entries(1, 1..=6), Some(&state(1, 3)), true).unwrap();
        wal.save_snapshot(&snapshot(2, 5)).unwrap();
    });
    assert_eq!((start, found), (snapshot(2, 5), vec![]));
    // The vote was for the other term.
    assert_eq!(hard_state, HardState { term: Some(2), vote: Some(0), commit: Some(5) });
    let (start, found, _) = reopened(|wal| {
        wal.append(&entries(1, 1..=6), Some(&state(1, 3)), true).unwrap();
        wal.save_snapshot(&snapshot(2, 4)).unwrap();
        wal.append(&entries(2, 5..=5), Some(&state(2, 4)), true).unwrap();
        // Nor does a second record of it void what follows it.
        wal.save_snapshot(&snapshot(2, 4)).unwrap();
    });
    assert_eq!((start, found), (snapshot(2, 4), vec![(2, 5)]));
}

#[test]
fn a_members_own_snapshot_keeps_what_follows_it() {
    let (start, found, hard_state) = reopened(|wal| {
        wal.append(&entries(1, 1..=6), Some(&state(1, 5)), true).unwrap();
        wal.save_snapshot(&snapshot(1, 4)).unwrap();
    });
    assert_eq!((start, found, hard_state), (snapshot(1, 4), vec![(1, 5), (1, 6)], state(1, 5)));
}

/// A leader's snapshot and the entries behind it, and a power cut at any moment: there is the log of before, or
/// the snapshot with some of the entries.
#[test]
fn a_leaders_snapshot_and_what_follows_it_survive_in_order() {
    for seed in 0..200 {
        let disk = MemDisk::new();
        let mut wal = create(&disk, 4096);
        wal.append(&entries(1, 1..=6), Some(&state(1, 3)), true).unwrap();
        disk.fail_after(seed % 5, Fault::Error(std::io::ErrorKind::Other));
        let behind: Vec<_> = (6..=9).map(|index| entry(2, index, 700)).collect();
        let _ =
            wal.save_snapshot(&snapshot(2, 5)).and_then(|()| wal.append(&behind, Some(&state(2, 7)), true));
        disk.crash(seed);
        let (_, replay) = Wal::open_newest(Arc::new(disk), &dir(), options(4096)).unwrap();
        match replay.start.index() {
            0 => assert_eq!(replay.entries, entries(1, 1..=6), "seed {seed}"),
            _ => assert!(behind.starts_with(&replay.entries), "seed {seed}: {:?}", replay.entries),
        }
    }
}
