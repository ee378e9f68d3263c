//! The write-ahead log, in etcd's format.
//!
//! A log is a directory of segments. Each begins with the checksum of everything before it, the metadata
//! that says whose log it is, and the last hard state (the first: an empty snapshot record). Then come
//! entries, hard states and snapshot records in the order in which they happened. An entry may appear again
//! with the same index: the later one counts, and everything after the earlier one is void.
//!
//! **Group commit.** [`Wal::append`] encodes a whole batch into one buffer; a synced append is one write and
//! one `fdatasync` however many entries it has. An append that need not be durable yet (a moved commit index)
//! stays in the buffer and rides with the next one.
//!
//! **Segments.** A segment is cut when it has reached its size: the file is truncated to what was written and
//! synced, the next one gets its header under a temporary name, is synced and then renamed. So a segment
//! with a real name is always whole up to its header, and only the last one can have a torn end. The next
//! file is preallocated in advance (`0.tmp` and `1.tmp` in turn), so that a full disk is met at a cut, not in
//! the middle of a batch, and a sync has no new file length to write.
//!
//! **Failure.** After a failed write or sync nobody knows what the disk holds: the page cache may have
//! dropped the bytes and report success the next time. So the first error poisons the log, every later call
//! fails, and the member has to stop and read its log again.

mod decode;
mod encode;
mod error;
mod name;
mod options;
mod replay;
mod segments;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use encode::Encoder;
pub use error::WalError;
use error::io_error;
use name::{SegmentName, list_segments};
pub use options::WalOptions;
pub use replay::Replay;
use segments::Segments;

use crate::disk::{Disk, Open};
use crate::pb::{raftpb, walpb};

/// How much may wait in the buffer for a sync before it is written out without one.
const UNSYNCED_BYTES: usize = 1 << 20;

/// A write-ahead log, open for appending.
pub struct Wal {
    segments: Segments,
    options: WalOptions,
    metadata: Vec<u8>,
    hard_state: Option<raftpb::HardState>,
    /// Index of the last entry or snapshot: names the next segment.
    last_index: u64,
    encoder: Encoder,
    /// Bytes of the last segment that are written; the encoder's pending bytes go here.
    offset: u64,
    written_bytes: u64,
    poisoned: Option<String>,
}

impl Wal {
    /// Whether a directory holds a log.
    pub fn exists(disk: &dyn Disk, dir: &Path) -> bool {
        list_segments(disk, dir).is_ok_and(|segments| !segments.is_empty())
    }

    /// Starts a log. It appears under `dir` whole or not at all: it is made in `<dir>.tmp` and renamed.
    ///
    /// # Errors
    /// [`WalError::Exists`] if there is one, [`WalError::Io`] if the disk refuses.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        metadata: &[u8],
        options: WalOptions,
    ) -> Result<Wal, WalError> {
        if Wal::exists(disk.as_ref(), dir) {
            return Err(WalError::Exists(dir.to_owned()));
        }
        let temporary = with_suffix(dir, ".tmp");
        disk.remove_dir(&temporary).map_err(io_error("remove", &temporary))?;
        disk.create_dir(&temporary).map_err(io_error("create", &temporary))?;
        let name = SegmentName { sequence: 0, first_index: 0 };
        let path = temporary.join(name.file_name());
        let mut file = disk.open(&path, Open::Create).map_err(io_error("create", &path))?;
        file.allocate(options.segment_bytes).map_err(io_error("allocate", &path))?;

        let mut encoder = Encoder::new(0);
        encoder.crc_record();
        encoder.metadata(metadata);
        encoder.snapshot(&walpb::Snapshot { index: Some(0), term: Some(0), conf_state: None });
        file.write_at(encoder.pending(), 0).map_err(io_error("write", &path))?;
        if options.fsync {
            file.sync_data().map_err(io_error("sync", &path))?;
        }
        let offset = encoder.pending().len() as u64;
        encoder.clear();

        disk.sync_dir(&temporary).map_err(io_error("sync", &temporary))?;
        disk.remove_dir(dir).map_err(io_error("remove", dir))?;
        disk.rename(&temporary, dir).map_err(io_error("rename", &temporary))?;
        let parent = parent(dir);
        disk.sync_dir(&parent).map_err(io_error("sync", &parent))?;

        Ok(Wal {
            segments: Segments::new(disk, dir, vec![(name, file)], options.segment_bytes),
            options,
            metadata: metadata.to_vec(),
            hard_state: None,
            last_index: 0,
            encoder,
            offset,
            written_bytes: offset,
            poisoned: None,
        })
    }

    /// Opens a log at a snapshot record (the one with index 0 is its beginning), cutting off a torn end.
    ///
    /// # Errors
    /// [`WalError::NotFound`] without a log, [`WalError::Locked`] if another process has it; the other
    /// variants say what is wrong with the files, which are then left as they were.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        start: &walpb::Snapshot,
        options: WalOptions,
    ) -> Result<(Wal, Replay), WalError> {
        let (replay, mut tail) = replay::read(disk.as_ref(), dir, start)?;
        if let Some((name, file)) = tail.segments.last_mut() {
            let path = dir.join(name.file_name());
            // Behind the last record may lie sectors of a write that never became whole. New records must
            // not end up in front of them, nor may they come back: a new write that was cut off would then look
            // like rot.
            file.set_len(tail.offset).map_err(io_error("truncate", &path))?;
            if options.fsync {
                file.sync_data().map_err(io_error("sync", &path))?;
            }
            file.allocate(options.segment_bytes).map_err(io_error("allocate", &path))?;
        }
        let wal = Wal {
            segments: Segments::new(disk, dir, tail.segments, options.segment_bytes),
            options,
            metadata: replay.metadata.to_vec(),
            hard_state: Some(replay.hard_state).filter(|state| *state != raftpb::HardState::default()),
            last_index: tail.last_index,
            encoder: Encoder::new(tail.crc),
            offset: tail.offset,
            written_bytes: 0,
            poisoned: None,
        };
        Ok((wal, replay))
    }

    /// Opens a log at its newest snapshot record that is not above the last commit index: where a member
    /// restarts.
    ///
    /// # Errors
    /// As [`Wal::open`].
    pub fn open_newest(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: WalOptions,
    ) -> Result<(Wal, Replay), WalError> {
        let start = replay::newest_snapshot(disk.as_ref(), dir)?;
        Wal::open(disk, dir, &start, options)
    }

    /// Reads a log from where a member would restart, and changes nothing.
    ///
    /// # Errors
    /// As [`Wal::open`].
    pub fn read_newest(disk: &dyn Disk, dir: &Path) -> Result<Replay, WalError> {
        let start = replay::newest_snapshot(disk, dir)?;
        Ok(replay::read(disk, dir, &start)?.0)
    }

    /// Appends entries, then the hard state. With `sync` everything appended so far is durable on return.
    ///
    /// # Errors
    /// [`WalError::Io`], after which the log is poisoned.
    pub fn append(
        &mut self,
        entries: &[raftpb::Entry],
        hard_state: Option<&raftpb::HardState>,
        sync: bool,
    ) -> Result<(), WalError> {
        self.check()?;
        for entry in entries {
            self.encoder.entry(entry);
        }
        if let Some(last) = entries.last() {
            self.last_index = last.index();
        }
        if let Some(state) = hard_state {
            self.put_hard_state(state);
        }
        let pending = self.encoder.pending().len();
        let done = if self.offset + pending as u64 >= self.options.segment_bytes {
            self.cut()
        } else if sync {
            self.write_and_sync()
        } else if pending >= UNSYNCED_BYTES {
            self.write()
        } else {
            Ok(())
        };
        self.poison_on_error(done)
    }

    /// Appends a snapshot record, durably. The snapshot itself must be durable before.
    ///
    /// A record above the last commit index is of a snapshot that a leader has sent. A hard state that commits
    /// it goes into the same write: without one the record does not count, and if entries came between the two,
    /// a torn write could leave entries that continue nothing.
    ///
    /// # Errors
    /// [`WalError::NoConfState`] for a record without membership; [`WalError::Io`], after which the log is
    /// poisoned.
    pub fn save_snapshot(&mut self, record: &walpb::Snapshot) -> Result<(), WalError> {
        self.check()?;
        if record.index() > 0 && record.conf_state.is_none() {
            return Err(WalError::NoConfState(record.index()));
        }
        self.encoder.snapshot(record);
        self.last_index = self.last_index.max(record.index());
        let state = self.hard_state.unwrap_or_default();
        if record.index() > state.commit() {
            self.put_hard_state(&committing(record, state));
        }
        let done = self.write_and_sync();
        self.poison_on_error(done)
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// [`WalError::Io`], after which the log is poisoned.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.check()?;
        let done = self.write_and_sync();
        self.poison_on_error(done)
    }

    /// Unlocks the segments that hold nothing above `index`, so that they may be removed.
    pub fn release_to(&mut self, index: u64) {
        self.segments.release_to(index);
    }

    /// Removes unlocked segments, oldest first, while there are more than `keep_files` segments in all.
    /// Returns how many it removed.
    ///
    /// # Errors
    /// [`WalError::Io`]. The log stays usable.
    pub fn purge(&mut self, keep_files: usize) -> Result<usize, WalError> {
        self.segments.purge(keep_files)
    }

    /// Bytes written to disk since the log was opened.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Writes and syncs what is left, and unlocks all files.
    ///
    /// # Errors
    /// [`WalError::Io`] or [`WalError::Poisoned`]: the last records may be missing.
    pub fn close(mut self) -> Result<(), WalError> {
        self.sync()
    }

    /// The commit index never moves back: one from before the last snapshot would void that snapshot's record.
    fn put_hard_state(&mut self, state: &raftpb::HardState) {
        let known = self.hard_state.map_or(0, |known| known.commit());
        let state = raftpb::HardState { commit: state.commit.map(|commit| commit.max(known)), ..*state };
        self.encoder.hard_state(&state);
        self.hard_state = Some(state);
    }

    fn check(&self) -> Result<(), WalError> {
        match &self.poisoned {
            None => Ok(()),
            Some(cause) => Err(WalError::Poisoned(cause.clone())),
        }
    }

    fn poison_on_error(&mut self, done: Result<(), WalError>) -> Result<(), WalError> {
        if let Err(error) = &done {
            self.poisoned = Some(error.to_string());
        }
        done
    }

    fn write(&mut self) -> Result<(), WalError> {
        let pending = self.encoder.pending();
        if !pending.is_empty() {
            self.segments.last()?.write(pending, self.offset)?;
            self.offset += pending.len() as u64;
            self.written_bytes += pending.len() as u64;
            self.encoder.clear();
        }
        Ok(())
    }

    fn write_and_sync(&mut self) -> Result<(), WalError> {
        self.write()?;
        if self.options.fsync { self.segments.last()?.sync() } else { Ok(()) }
    }

    /// Closes the last segment and opens the next.
    fn cut(&mut self) -> Result<(), WalError> {
        self.write()?;
        self.segments.last()?.truncate(self.offset)?;
        self.write_and_sync()?;
        self.segments.take_next()?;
        self.offset = 0;
        self.encoder.crc_record();
        self.encoder.metadata(&self.metadata);
        if let Some(state) = &self.hard_state {
            self.encoder.hard_state(state);
        }
        self.write_and_sync()?;
        self.segments.name_last(self.last_index + 1)
    }
}

/// The state of a member that has this snapshot. To have it, it has heard of its term.
fn committing(record: &walpb::Snapshot, state: raftpb::HardState) -> raftpb::HardState {
    let known = state.term() >= record.term();
    raftpb::HardState {
        term: Some(state.term().max(record.term())),
        vote: Some(if known { state.vote() } else { 0 }),
        commit: Some(record.index()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The directory that holds `path`'s name.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
