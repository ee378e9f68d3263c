//! Reading a whole log: what a member finds of itself when it starts.

use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::decode::{Next, Record, SegmentReader};
use super::encode::{CRC, ENTRY, METADATA, SNAPSHOT, STATE};
use super::error::{WalError, io_error};
use super::name::{SegmentName, check_sequence, list_segments, segment_of};
use crate::disk::{Disk, DiskFile, Open};
use crate::pb::{raftpb, walpb};

/// What a log holds from a snapshot on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// What [`Wal::create`](super::Wal::create) was given.
    pub metadata: Bytes,
    /// The last term, vote and commit index.
    pub hard_state: raftpb::HardState,
    /// The entries after the snapshot, consecutive. Those above the commit index may yet be replaced.
    pub entries: Vec<raftpb::Entry>,
    /// All snapshot records read, oldest first.
    pub snapshots: Vec<walpb::Snapshot>,
    /// The snapshot record the log was opened at.
    pub start: walpb::Snapshot,
    /// Whether a torn record was cut off the end. A copy of the segment is kept beside it, named `.broken`.
    pub repaired: bool,
}

/// What the reading of all segments leaves for the writer.
pub(crate) struct Tail {
    pub(crate) segments: Vec<(SegmentName, Box<dyn DiskFile>)>,
    pub(crate) crc: u32,
    pub(crate) offset: u64,
    pub(crate) last_index: u64,
}

/// Collects records into a [`Replay`].
struct Collector {
    replay: Replay,
    metadata: Option<Bytes>,
    matched: bool,
    /// The term of the entry at the start's index, as last read.
    start_term: Option<u64>,
    last_index: u64,
}

impl Collector {
    fn new(start: &walpb::Snapshot) -> Collector {
        let replay = Replay { start: start.clone(), ..Replay::default() };
        Collector { replay, metadata: None, matched: false, start_term: None, last_index: start.index() }
    }

    fn take(&mut self, record: &Record<'_>, path: &Path) -> Result<(), WalError> {
        match record.kind {
            METADATA => match &self.metadata {
                Some(known) if known != record.data => {
                    return Err(WalError::MetadataConflict(path.to_owned()));
                }
                Some(_) => {}
                None => self.metadata = Some(Bytes::copy_from_slice(record.data)),
            },
            ENTRY => self.take_entry(record, path)?,
            STATE => self.replay.hard_state = decode(record, path)?,
            CRC => {}
            SNAPSHOT => self.take_snapshot(decode(record, path)?)?,
            kind => {
                return Err(WalError::UnknownRecord { path: path.to_owned(), offset: record.offset, kind });
            }
        }
        Ok(())
    }

    fn take_entry(&mut self, record: &Record<'_>, path: &Path) -> Result<(), WalError> {
        let start = self.replay.start.index();
        let entry: raftpb::Entry = decode(record, path)?;
        self.last_index = entry.index();
        if entry.index() <= start {
            // It replaces what was there, and what came after that.
            self.replay.entries.clear();
            self.start_term = Some(entry.term()).filter(|_| entry.index() == start);
        } else {
            // A new leader's entries replace what an old one had left uncommitted.
            let position = usize::try_from(entry.index() - start - 1).unwrap_or(usize::MAX);
            let entries = &mut self.replay.entries;
            if position > entries.len() {
                return Err(WalError::EntryGap { last: start + entries.len() as u64, found: entry.index() });
            }
            entries.truncate(position);
            entries.push(entry);
        }
        Ok(())
    }

    fn take_snapshot(&mut self, snapshot: walpb::Snapshot) -> Result<(), WalError> {
        let start = &self.replay.start;
        if snapshot.index() == start.index() {
            if snapshot.term() != start.term() {
                return Err(WalError::SnapshotMismatch {
                    index: start.index(),
                    expected: start.term(),
                    found: snapshot.term(),
                });
            }
            self.continue_from_start();
        }
        self.last_index = self.last_index.max(snapshot.index());
        self.replay.snapshots.push(snapshot);
        Ok(())
    }

    /// The start's record is read. If it says what the entry at its index says, it was taken of this log, and
    /// what follows that entry is as good as before. Otherwise it came from a leader, in place of a log with
    /// another history.
    fn continue_from_start(&mut self) {
        let term = self.replay.start.term();
        let other = match self.start_term {
            Some(found) => found != term,
            // Terms never go down.
            None => self.replay.entries.first().is_some_and(|entry| entry.term() < term),
        };
        if other && !self.matched {
            self.replay.entries.clear();
        }
        self.matched = true;
    }
}

/// A record's message. It must be all of the record's data: a flipped type byte, which no checksum covers,
/// would otherwise make one kind of message out of another.
fn decode<M: Message + Default>(record: &Record<'_>, path: &Path) -> Result<M, WalError> {
    match M::decode(record.data) {
        Ok(message) if message.encoded_len() == record.data.len() => Ok(message),
        _ => Err(WalError::Corrupt {
            path: path.to_owned(),
            offset: record.offset,
            reason: "a record that is not of its type",
        }),
    }
}

/// Reads the log from `start` on, locking every segment that it reads, and repairs its end.
pub(crate) fn read(disk: &dyn Disk, dir: &Path, start: &walpb::Snapshot) -> Result<(Replay, Tail), WalError> {
    let mut names = list_segments(disk, dir)?;
    if names.is_empty() {
        return Err(WalError::NotFound(dir.to_owned()));
    }
    names.drain(..segment_of(&names, start.index())?);
    check_sequence(&names)?;
    let mut collector = Collector::new(start);
    let mut tail = Tail { segments: Vec::new(), crc: 0, offset: 0, last_index: 0 };
    for (position, &name) in names.iter().enumerate() {
        let path = dir.join(name.file_name());
        let file = disk.open(&path, Open::Write).map_err(io_error("lock", &path))?;
        let mut reader = SegmentReader::new(file, &path, tail.crc)?;
        let torn = loop {
            match reader.next()? {
                Next::Record(record) => collector.take(&record, &path)?,
                Next::End => break false,
                Next::Torn => break true,
            }
        };
        (tail.crc, tail.offset) = (reader.crc(), reader.offset());
        if torn && position + 1 < names.len() {
            return Err(reader.corrupt(tail.offset, "an incomplete record before the last segment"));
        }
        collector.replay.repaired = torn;
        tail.segments.push((name, reader.into_file()));
    }
    if !collector.matched {
        return Err(WalError::SnapshotNotFound(start.index()));
    }
    if let Some((name, file)) = tail.segments.last_mut().filter(|_| collector.replay.repaired) {
        // Not before everything else is known to be well.
        cut_torn_record(disk, &dir.join(name.file_name()), file.as_mut(), tail.offset)?;
    }
    tail.last_index = collector.last_index;
    collector.replay.metadata = collector.metadata.unwrap_or_default();
    Ok((collector.replay, tail))
}

fn cut_torn_record(
    disk: &dyn Disk,
    path: &Path,
    file: &mut dyn DiskFile,
    offset: u64,
) -> Result<(), WalError> {
    keep_broken(disk, path, file)?;
    file.set_len(offset).map_err(io_error("truncate", path))?;
    file.sync_data().map_err(io_error("sync", path))?;
    tracing::warn!(path = %path.display(), offset, "cut a torn record off the log");
    Ok(())
}

/// Copies a segment that is about to be cut, for whoever wants to know what was lost.
fn keep_broken(disk: &dyn Disk, path: &Path, file: &dyn DiskFile) -> Result<(), WalError> {
    let mut copy_path = path.to_owned().into_os_string();
    copy_path.push(".broken");
    let copy_path = Path::new(&copy_path);
    let mut copy = disk.open(copy_path, Open::Create).map_err(io_error("create", copy_path))?;
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut buffer, offset).map_err(io_error("read", path))?;
        if read == 0 {
            return copy.sync_data().map_err(io_error("sync", copy_path));
        }
        copy.write_at(&buffer[..read], offset).map_err(io_error("write", copy_path))?;
        offset += read as u64;
    }
}

/// The newest snapshot record that is not above the last commit index; the beginning if there is none.
///
/// A record above it was written by a follower that received a snapshot and stopped before it could say so.
pub(crate) fn newest_snapshot(disk: &dyn Disk, dir: &Path) -> Result<walpb::Snapshot, WalError> {
    let names = list_segments(disk, dir)?;
    let mut commit = None;
    for (position, name) in names.iter().enumerate().rev() {
        let path = dir.join(name.file_name());
        let file = disk.open(&path, Open::Read).map_err(io_error("open", &path))?;
        let mut reader = SegmentReader::new(file, &path, 0)?;
        let mut found = Vec::new();
        let mut state = raftpb::HardState::default();
        loop {
            match reader.next()? {
                Next::Record(record) if record.kind == SNAPSHOT => {
                    found.push(decode::<walpb::Snapshot>(&record, &path)?);
                }
                Next::Record(record) if record.kind == STATE => state = decode(&record, &path)?,
                Next::Record(_) => {}
                Next::End => break,
                Next::Torn if position + 1 == names.len() => break,
                Next::Torn => {
                    return Err(
                        reader.corrupt(reader.offset(), "an incomplete record before the last segment")
                    );
                }
            }
        }
        // Every segment but the first begins with the state, so the last one that has any has the last one.
        let commit = *commit.get_or_insert_with(|| state.commit());
        if let Some(newest) = found.into_iter().rev().find(|snapshot| snapshot.index() <= commit) {
            return Ok(newest);
        }
    }
    Ok(walpb::Snapshot { index: Some(0), term: Some(0), conf_state: None })
}
