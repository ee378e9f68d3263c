//! Where a log is kept.

use std::io;

use crate::pb::{raftpb, walpb};
use crate::wal::Wal;

/// Keeps entries, hard states and snapshot records, in order.
///
/// Any error is final: the store does not know what it holds any more, and all later calls fail as well.
pub trait LogStore {
    /// Appends entries, then the hard state. If an entry's index was appended before, it and all after it are
    /// replaced. With `sync`, everything appended so far survives a crash once the call returns; without, it
    /// survives with the next synced call or not at all, but never without what was appended before it.
    ///
    /// # Errors
    /// I/O errors.
    fn append(
        &mut self,
        entries: &[raftpb::Entry],
        hard_state: Option<&raftpb::HardState>,
        sync: bool,
    ) -> io::Result<()>;

    /// Appends a snapshot record, durably. The snapshot is durable already. Entries up to its index are
    /// needed no more; ones that follow it may come next.
    ///
    /// # Errors
    /// I/O errors.
    fn save_snapshot(&mut self, record: &walpb::Snapshot) -> io::Result<()>;
}

impl LogStore for Wal {
    fn append(
        &mut self,
        entries: &[raftpb::Entry],
        hard_state: Option<&raftpb::HardState>,
        sync: bool,
    ) -> io::Result<()> {
        Ok(Wal::append(self, entries, hard_state, sync)?)
    }

    fn save_snapshot(&mut self, record: &walpb::Snapshot) -> io::Result<()> {
        Ok(Wal::save_snapshot(self, record)?)
    }
}
