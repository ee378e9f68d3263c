//! Damaged files: what is repaired, what is refused, and that nothing panics.

use std::path::PathBuf;

use oxetcd_consensus::WalError;
use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::raftpb::Entry;
use proptest::prelude::*;

use crate::support::*;

const SEGMENT_BYTES: u64 = 4096;

/// A log of a few segments, closed.
fn log(last: u64) -> (MemDisk, Vec<Entry>) {
    let disk = MemDisk::new();
    let mut wal = create(&disk, SEGMENT_BYTES);
    let entries: Vec<_> = (1..=last).map(|index| entry(1, index, 20 + (index as usize * 37) % 300)).collect();
    for entry in &entries {
        wal.append(std::slice::from_ref(entry), Some(&state(1, entry.index())), true).unwrap();
    }
    wal.close().unwrap();
    (disk, entries)
}

#[test]
fn a_record_cut_off_by_the_end_of_the_file_is_repaired_and_kept_aside() {
    let (disk, entries) = log(30);
    let path = segments(&disk).pop().unwrap();
    let starts = frames(&disk.contents(&path).unwrap());
    let cut = starts[starts.len() - 2] + 11;
    disk.corrupt(&path, |bytes| bytes.truncate(cut));
    let (mut wal, replay) = open(&disk, SEGMENT_BYTES).unwrap();
    assert!(replay.repaired);
    assert_eq!(replay.entries, entries, "only the last hard state was hit");
    let broken = PathBuf::from(format!("{}.broken", path.display()));
    assert_eq!(disk.contents(&broken).unwrap().len(), cut);
    wal.append(&[entry(1, 31, 5)], None, true).unwrap();
    wal.close().unwrap();
    let (_, replay) = open(&disk, SEGMENT_BYTES).unwrap();
    assert!(!replay.repaired);
    assert_eq!(replay.entries.len(), 31);
}

#[test]
fn a_sector_that_never_reached_the_disk_ends_the_log() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 16_384);
    wal.append(&[entry(1, 1, 100)], None, true).unwrap();
    wal.append(&[entry(1, 2, 5000), entry(1, 3, 10)], None, true).unwrap();
    wal.close().unwrap();
    disk.corrupt(&segments(&disk)[0], |bytes| bytes[2048..2560].fill(0));
    let (_, replay) = open(&disk, 16_384).unwrap();
    assert!(replay.repaired);
    assert_eq!(replay.entries, [entry(1, 1, 100)]);
}

#[test]
fn sectors_behind_the_end_are_wiped_before_new_records_reach_them() {
    let (disk, mut entries) = log(2);
    let path = &segments(&disk)[0];
    // The later sector of a write whose first one, with the length, never came.
    disk.corrupt(path, |bytes| bytes[1536..2048].fill(0xee));
    for index in 3..60 {
        let (mut wal, replay) = open(&disk, SEGMENT_BYTES).unwrap();
        assert_eq!(replay.entries, entries);
        entries.push(entry(1, index, 10));
        wal.append(&entries[index as usize - 1..], None, true).unwrap();
        wal.close().unwrap();
    }
    let end = *frames(&disk.contents(path).unwrap()).last().unwrap();
    assert!(end > 2048, "the test stops short of the sector: {end}");
}

#[test]
fn a_rotten_length_is_not_taken_for_a_torn_write() {
    let (disk, _) = log(30);
    let path = segments(&disk).pop().unwrap();
    let start = frames(&disk.contents(&path).unwrap())[4];
    for bit in [3, 7, 9, 11, 13, 40, 60] {
        disk.corrupt(&path, |bytes| bytes[start + bit / 8] ^= 1 << (bit % 8));
        let error = open(&disk, SEGMENT_BYTES).err().expect("corruption goes unnoticed");
        assert!(
            matches!(error, WalError::Corrupt { offset, .. } if offset == start as u64),
            "{bit}: {error}"
        );
        disk.corrupt(&path, |bytes| bytes[start + bit / 8] ^= 1 << (bit % 8));
    }
    open(&disk, SEGMENT_BYTES).unwrap();
}

#[test]
fn a_torn_record_before_the_last_segment_is_corruption() {
    let (disk, _) = log(60);
    let path = &segments(&disk)[1];
    disk.corrupt(path, |bytes| bytes.truncate(bytes.len() - 9));
    let before = disk.contents(path);
    let error = open(&disk, SEGMENT_BYTES).err().unwrap();
    assert!(matches!(error, WalError::Corrupt { .. }), "{error}");
    assert_eq!(disk.contents(path), before, "nothing is repaired that may be needed");
}

#[test]
fn a_record_of_a_later_version_is_named() {
    let (disk, _) = log(3);
    let path = &segments(&disk)[0];
    let start = frames(&disk.contents(path).unwrap())[3];
    disk.corrupt(path, |bytes| bytes[start + 9] = 9);
    let error = open(&disk, SEGMENT_BYTES).err().unwrap();
    assert!(matches!(error, WalError::UnknownRecord { kind: 9, .. }), "{error}");
}

#[test]
fn a_record_under_a_wrong_type_is_refused() {
    let (disk, _) = log(3);
    let path = &segments(&disk)[0];
    let start = frames(&disk.contents(path).unwrap())[3];
    disk.corrupt(path, |bytes| bytes[start + 9] = 3);
    let error = open(&disk, SEGMENT_BYTES).err().unwrap();
    assert!(matches!(error, WalError::Corrupt { .. }), "{error}");
}

proptest! {
    #![proptest_config(cases())]

    /// One wrong byte anywhere in what was written: an error, or everything is there all the same.
    #[test]
    fn a_flipped_byte_is_found(position in any::<prop::sample::Index>(), flip in 1u8..) {
        let (disk, entries) = log(40);
        let paths = segments(&disk);
        let written: Vec<_> = paths
            .iter()
            .flat_map(|path| {
                let starts = frames(&disk.contents(path).unwrap());
                let end = *starts.last().unwrap();
                // A type is covered by no checksum: the tests above say what becomes of it.
                let types: Vec<_> = starts.iter().map(|start| start + 9).collect();
                (0..end).filter(move |at| !types.contains(at)).map(move |at| (path.clone(), at))
            })
            .collect();
        let (path, at) = position.get(&written);
        disk.corrupt(path, |bytes| bytes[*at] ^= flip);
        match open(&disk, SEGMENT_BYTES) {
            Err(_) => {}
            // Padding may be anything.
            Ok((_, replay)) => {
                prop_assert!(!replay.repaired);
                prop_assert_eq!(replay.entries, entries);
            }
        }
    }

    /// Garbage in place of the tail never panics and never changes what is before it.
    #[test]
    fn garbage_never_panics(start in 0usize..4096, garbage in prop::collection::vec(any::<u8>(), 1..300)) {
        let (disk, entries) = log(25);
        let path = segments(&disk).pop().unwrap();
        disk.corrupt(&path, |bytes| {
            let start = start.min(bytes.len());
            let end = (start + garbage.len()).min(bytes.len());
            bytes[start..end].copy_from_slice(&garbage[..end - start]);
        });
        if let Ok((_, replay)) = open(&disk, SEGMENT_BYTES) {
            prop_assert!(entries.starts_with(&replay.entries));
        }
    }

    /// A last segment that is cut short anywhere behind its header loses its end and nothing else.
    #[test]
    fn a_truncated_segment_is_repaired(position in any::<prop::sample::Index>()) {
        let (disk, entries) = log(40);
        let path = segments(&disk).pop().unwrap();
        let starts = frames(&disk.contents(&path).unwrap());
        let (header, end) = (starts[3], *starts.last().unwrap());
        let cut = header + position.index(end - header + 1);
        disk.corrupt(&path, |bytes| bytes.truncate(cut));
        let (_, replay) = open(&disk, SEGMENT_BYTES).unwrap();
        prop_assert_eq!(replay.repaired, !starts.contains(&cut));
        prop_assert!(entries.starts_with(&replay.entries));
        // Frames before the cut, without the three of the header, in pairs of an entry and a state.
        let whole = starts.iter().filter(|&&start| start <= cut).count() - 1;
        let states_in_header = 1;
        let expected_in_segment = (whole - 2 - states_in_header).div_ceil(2);
        let before = entries.len() - (starts.len() - 1 - 3) / 2;
        prop_assert_eq!(replay.entries.len(), before + expected_in_segment);
    }
}
