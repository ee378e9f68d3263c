//! The log in memory: what the raft algorithm reads.
//!
//! Holds every entry since the last compaction. Entries are put here when they are handed out to be written,
//! before they are durable; the algorithm keeps its own mark of what is.

use std::cell::Cell;
use std::collections::VecDeque;

use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Result, Storage, StorageError};

/// Log entries with consecutive indexes after a base that is known by index and term only.
pub(super) struct LogCache {
    initial: RaftState,
    base_index: u64,
    base_term: u64,
    entries: VecDeque<Entry>,
    /// What a follower gets that is too far behind for entries.
    snapshot: Option<Snapshot>,
    snapshot_wanted: Cell<bool>,
}

impl LogCache {
    /// `entries` follow the base without a gap.
    pub(super) fn new(
        hard_state: HardState,
        conf_state: ConfState,
        (base_index, base_term): (u64, u64),
        entries: VecDeque<Entry>,
    ) -> LogCache {
        LogCache {
            initial: RaftState::new(hard_state, conf_state),
            base_index,
            base_term,
            entries,
            snapshot: None,
            snapshot_wanted: Cell::new(false),
        }
    }

    pub(super) fn last(&self) -> u64 {
        self.base_index + self.entries.len() as u64
    }

    pub(super) fn first(&self) -> u64 {
        self.base_index + 1
    }

    /// Puts entries at their indexes; later ones than the first of them are dropped.
    pub(super) fn append(&mut self, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        self.entries.truncate(first.index.saturating_sub(self.first()) as usize);
        self.entries.extend(entries);
    }

    /// Takes the place of all entries.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        self.base_index = snapshot.get_metadata().index;
        self.base_term = snapshot.get_metadata().term;
        self.entries.clear();
        self.offer(snapshot);
    }

    /// Forgets entries up to `index`, but not the last one's term.
    pub(super) fn compact(&mut self, index: u64) {
        if index <= self.base_index || index > self.last() {
            return;
        }
        let dropped = self.entries.drain(..(index - self.base_index) as usize);
        if let Some(last) = dropped.last() {
            self.base_term = last.term;
        }
        self.base_index = index;
        // A burst's memory goes back once the log is short again.
        if self.entries.capacity() > 4 * self.entries.len().max(1024) {
            self.entries.shrink_to_fit();
        }
    }

    pub(super) fn offer(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(snapshot);
        self.snapshot_wanted.set(false);
    }

    pub(super) fn snapshot_wanted(&self) -> bool {
        self.snapshot_wanted.get()
    }
}

impl Storage for LogCache {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(self.initial.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low < self.first() {
            return Err(StorageError::Compacted.into());
        }
        if high > self.last() + 1 {
            return Err(StorageError::Unavailable.into());
        }
        let range = (low - self.first()) as usize..(high - self.first()) as usize;
        let Some(max_size) = max_size.into().filter(|&limit| limit != raft::NO_LIMIT) else {
            return Ok(self.entries.range(range).cloned().collect());
        };
        let mut size = 0;
        let mut taken = Vec::new();
        for entry in self.entries.range(range) {
            size += raft::util::entry_approximate_size(entry) as u64;
            if size > max_size && !taken.is_empty() {
                break;
            }
            taken.push(entry.clone());
        }
        Ok(taken)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == self.base_index {
            return Ok(self.base_term);
        }
        match index.checked_sub(self.first()) {
            None => Err(StorageError::Compacted.into()),
            Some(position) => match self.entries.get(position as usize) {
                None => Err(StorageError::Unavailable.into()),
                Some(entry) => Ok(entry.term),
            },
        }
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.first())
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last())
    }

    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        // One that the remaining entries do not continue would leave the follower where it was, and a member
        // that joined after it was taken would not find itself in it.
        let useful = |snapshot: &&Snapshot| {
            let metadata = snapshot.get_metadata();
            let members = metadata.get_conf_state();
            metadata.index >= self.base_index.max(request_index).max(1)
                && (members.voters.contains(&to) || members.learners.contains(&to))
        };
        match self.snapshot.as_ref().filter(useful) {
            Some(snapshot) => Ok(snapshot.clone()),
            None => {
                self.snapshot_wanted.set(true);
                Err(StorageError::SnapshotTemporarilyUnavailable.into())
            }
        }
    }
}
