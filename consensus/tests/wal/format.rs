//! Bytes on disk, against the facts of the format.

use std::sync::Arc;

use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::raftpb::{Entry, EntryType, HardState};
use oxetcd_consensus::{Disk, OsDisk, Wal, WalError, WalOptions, walpb};

use crate::support::*;

/// CRC-32C, bit by bit: slow, and unrelated to what the log uses.
fn crc32c(mut crc: u32, bytes: &[u8]) -> u32 {
    crc = !crc;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A frame as the format's description has it.
fn frame(kind: u8, crc: u32, data: Option<&[u8]>) -> Vec<u8> {
    let mut record = vec![0x08, kind, 0x10];
    record.extend(varint(crc.into()));
    if let Some(data) = data {
        record.push(0x1a);
        record.extend(varint(data.len() as u64));
        record.extend(data);
    }
    let padding = (8 - record.len() % 8) % 8;
    let top = if padding == 0 { 0 } else { 0x80 | padding as u64 };
    let mut frame = (record.len() as u64 | top << 56).to_le_bytes().to_vec();
    frame.extend(record);
    frame.extend(vec![0; padding]);
    frame
}

#[test]
fn the_first_segment_begins_as_the_reference_writes_it() {
    let disk = MemDisk::new();
    let metadata = [0x08, 0x2a, 0x10, 0x2b];
    disk.create_dir("/data".as_ref()).unwrap();
    let path = "/data/wal".as_ref();
    Wal::create(Arc::new(disk.clone()), path, &metadata, WalOptions { segment_bytes: 4096, fsync: true })
        .unwrap();

    let mut expected = vec![0x04, 0, 0, 0, 0, 0, 0, 0x84, 0x08, 0x04, 0x10, 0x00, 0, 0, 0, 0];
    let crc = crc32c(0, &metadata);
    expected.extend(frame(1, crc, Some(&metadata)));
    let empty_snapshot = [0x08, 0x00, 0x10, 0x00];
    expected.extend(frame(5, crc32c(crc, &empty_snapshot), Some(&empty_snapshot)));
    let found = disk.contents("/data/wal/0000000000000000-0000000000000000.wal".as_ref()).unwrap();
    assert_eq!(found.len(), 4096, "preallocated");
    assert_eq!(found[..expected.len()], expected);
    assert!(found[expected.len()..].iter().all(|&byte| byte == 0));
}

#[test]
fn records_are_encoded_as_the_reference_encodes_them() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 8192);
    let start = disk.contents(&segments(&disk)[0]).unwrap();
    let written = |bytes: &[u8]| bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| (at / 8 + 1) * 8);
    let offset = written(&start);
    let crc = crc32c(crc32c(0, METADATA), &[8, 0, 16, 0]);

    let no_op = Entry { term: Some(2), index: Some(300), ..Entry::default() };
    let change = Entry {
        r#type: Some(EntryType::EntryConfChange.into()),
        term: Some(2),
        index: Some(301),
        data: Some(b"abc".as_slice().into()),
    };
    let zeros = HardState { term: Some(2), vote: Some(0), commit: Some(0) };
    wal.append(&[no_op, change], Some(&zeros), true).unwrap();

    let no_op: &[u8] = &[0x10, 2, 0x18, 0xac, 2];
    let change: &[u8] = &[0x08, 1, 0x10, 2, 0x18, 0xad, 2, 0x22, 3, b'a', b'b', b'c'];
    let zeros: &[u8] = &[0x08, 2, 0x10, 0, 0x18, 0];
    let crcs = [crc32c(crc, no_op), crc32c(crc32c(crc, no_op), change)];
    let expected = [
        frame(2, crcs[0], Some(no_op)),
        frame(2, crcs[1], Some(change)),
        frame(3, crc32c(crcs[1], zeros), Some(zeros)),
    ]
    .concat();
    let found = disk.contents(&segments(&disk)[0]).unwrap();
    assert_eq!(found[offset..offset + expected.len()], expected);
}

#[test]
fn entries_of_older_versions_with_their_explicit_zeros_are_read() {
    let disk = MemDisk::new();
    drop(create(&disk, 4096));
    let path = &segments(&disk)[0];
    // Type 0 and no data; the first byte is what 3.7 omits.
    let data: &[u8] = &[0x08, 0, 0x10, 1, 0x18, 1, 0x22, 0];
    let crc = crc32c(crc32c(crc32c(0, METADATA), &[8, 0, 16, 0]), data);
    disk.corrupt(path, |bytes| {
        let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| (at / 8 + 1) * 8);
        let frame = frame(2, crc, Some(data));
        bytes[end..end + frame.len()].copy_from_slice(&frame);
    });
    let (_, replay) = open(&disk, 4096).unwrap();
    assert_eq!(replay.entries.len(), 1);
    assert_eq!((replay.entries[0].index(), replay.entries[0].data()), (1, &[][..]));
    assert_eq!(replay.entries[0].r#type(), EntryType::EntryNormal);
}

#[test]
fn a_log_on_a_real_disk_survives_its_process_and_locks_out_others() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("wal");
    let options = WalOptions { segment_bytes: 64 << 10, fsync: true };
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    assert!(!Wal::exists(disk.as_ref(), &dir));
    let mut wal = Wal::create(Arc::clone(&disk), &dir, METADATA, options).unwrap();
    assert!(Wal::exists(disk.as_ref(), &dir));
    let exists = Wal::create(Arc::clone(&disk), &dir, METADATA, options).err().unwrap();
    assert!(matches!(exists, WalError::Exists(_)), "{exists}");
    let entries: Vec<_> = (1..=100).map(|index| entry(1, index, 1000)).collect();
    for batch in entries.chunks(10) {
        wal.append(batch, Some(&state(1, batch[0].index())), true).unwrap();
    }
    assert!(dir.join("0000000000000001-0000000000000047.wal").exists(), "cut after entry 0x46");
    let locked = Wal::open(Arc::clone(&disk), &dir, &beginning(), options).err().unwrap();
    assert!(matches!(locked, WalError::Locked(_)), "{locked}");
    drop(wal);
    let (_, replay) = Wal::open_newest(disk, &dir, options).unwrap();
    assert_eq!(replay.entries, entries);
    assert_eq!(replay.hard_state, state(1, 91));
    assert_eq!(replay.metadata.as_ref(), METADATA);
    assert_eq!(replay.start, walpb::Snapshot { index: Some(0), term: Some(0), conf_state: None });
}

#[test]
fn a_segment_with_other_metadata_is_refused() {
    let disk = MemDisk::new();
    let mut wal = create(&disk, 4096);
    wal.append(&[entry(1, 1, 5000)], None, true).unwrap();
    wal.close().unwrap();
    let path = &segments(&disk)[1];
    // The second segment, forged with valid checksums.
    disk.corrupt(path, |bytes| {
        let crc_len = 8 + (bytes[0] as usize).next_multiple_of(8);
        let digits = bytes[11..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let number = |(at, &byte): (usize, &u8)| u32::from(byte & 0x7f) << (7 * at);
        let crc = bytes[11..11 + digits].iter().enumerate().map(number).sum();
        let other = b"another member";
        let forged = frame(1, crc32c(crc, other), Some(other));
        bytes.truncate(crc_len);
        bytes.extend(forged);
    });
    let error = open(&disk, 4096).err().unwrap();
    assert!(matches!(error, WalError::MetadataConflict(_)), "{error}");
}
