//! What the tests share: a log on a disk in memory, and messages to put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::raftpb::{ConfState, Entry, HardState};
use oxetcd_consensus::{Disk, Replay, Wal, WalError, WalOptions, walpb};
use proptest::prelude::ProptestConfig;

pub(crate) const METADATA: &[u8] = b"member and cluster";

pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/data/member/wal")
}

pub(crate) fn options(segment_bytes: u64) -> WalOptions {
    WalOptions { segment_bytes, fsync: true }
}

/// A payload without zeros, so that a sector of it never looks as if it had not been written.
pub(crate) fn payload(len: usize, seed: u64) -> Bytes {
    (0..len).map(|at| 1 + ((seed as usize * 31 + at * 7) % 255) as u8).collect::<Vec<_>>().into()
}

pub(crate) fn entry(term: u64, index: u64, len: usize) -> Entry {
    let data = Some(payload(len, index)).filter(|data| !data.is_empty());
    Entry { r#type: None, term: Some(term), index: Some(index), data }
}

pub(crate) fn state(term: u64, commit: u64) -> HardState {
    HardState { term: Some(term), vote: Some(1), commit: Some(commit) }
}

pub(crate) fn snapshot(term: u64, index: u64) -> walpb::Snapshot {
    let conf_state = ConfState { voters: vec![1], auto_leave: Some(false), ..ConfState::default() };
    walpb::Snapshot { index: Some(index), term: Some(term), conf_state: Some(conf_state) }
}

pub(crate) fn beginning() -> walpb::Snapshot {
    walpb::Snapshot::default()
}

/// The directory that holds the log's, durably.
pub(crate) fn make_parent(disk: &MemDisk) {
    disk.create_dir(Path::new("/data/member")).unwrap();
    disk.sync_dir(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
}

/// A quarter of the usual number of cases, so that `PROPTEST_CASES` still asks for more.
pub(crate) fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), failure_persistence: None, ..usual }
}

pub(crate) fn create(disk: &MemDisk, segment_bytes: u64) -> Wal {
    make_parent(disk);
    Wal::create(Arc::new(disk.clone()), &dir(), METADATA, options(segment_bytes)).unwrap()
}

pub(crate) fn open(disk: &MemDisk, segment_bytes: u64) -> Result<(Wal, Replay), WalError> {
    Wal::open(Arc::new(disk.clone()), &dir(), &beginning(), options(segment_bytes))
}

/// Paths of the segments, oldest first.
pub(crate) fn segments(disk: &MemDisk) -> Vec<PathBuf> {
    let mut names = disk.list(&dir()).unwrap();
    names.retain(|name| name.ends_with(".wal"));
    names.sort();
    names.into_iter().map(|name| dir().join(name)).collect()
}

/// Where the frames of a segment begin, and where the last one ends.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while let Some(field) = bytes.get(at..at + 8).and_then(|field| field.try_into().ok()) {
        let length = (u64::from_le_bytes(field) & ((1 << 56) - 1)) as usize;
        if length == 0 {
            break;
        }
        at += 8 + length.next_multiple_of(8);
        starts.push(at);
    }
    starts
}
