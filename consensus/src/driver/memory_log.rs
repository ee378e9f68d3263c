//! A log in memory, for simulations of many members.

use std::io;

use super::log_store::LogStore;
use crate::node::RestoredLog;
use crate::pb::{raftpb, walpb};

/// A log that survives the crash of its member, as far as it was synced.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    current: RestoredLog,
    durable: RestoredLog,
}

impl MemoryLog {
    /// A log with this content, durable.
    pub fn new(log: RestoredLog) -> MemoryLog {
        MemoryLog { current: log.clone(), durable: log }
    }

    /// What a member finds that restarts after a crash.
    pub fn crash(&mut self) -> RestoredLog {
        self.current = self.durable.clone();
        self.durable.clone()
    }
}

impl LogStore for MemoryLog {
    fn append(
        &mut self,
        entries: &[raftpb::Entry],
        hard_state: Option<&raftpb::HardState>,
        sync: bool,
    ) -> io::Result<()> {
        let log = &mut self.current;
        if let Some(first) = entries.first() {
            let kept =
                first.index().checked_sub(log.snapshot_index + 1).and_then(|kept| kept.try_into().ok());
            let Some(kept @ 0..) = kept.filter(|&kept: &usize| kept <= log.entries.len()) else {
                return Err(io::Error::other("entries are not consecutive"));
            };
            log.entries.truncate(kept);
            log.entries.extend_from_slice(entries);
        }
        if let Some(state) = hard_state {
            log.hard_state = *state;
        }
        if sync {
            self.durable = log.clone();
        }
        Ok(())
    }

    fn save_snapshot(&mut self, record: &walpb::Snapshot) -> io::Result<()> {
        let log = &mut self.current;
        let gone = record.index().saturating_sub(log.snapshot_index);
        let gone = usize::try_from(gone).unwrap_or(usize::MAX).min(log.entries.len());
        let continued = gone > 0 && log.entries[gone - 1].index() == record.index();
        // Entries that do not continue the snapshot belong to another history.
        if continued && log.entries[gone - 1].term() == record.term() {
            log.entries.drain(..gone);
        } else {
            log.entries.clear();
        }
        log.snapshot_index = record.index();
        log.snapshot_term = record.term();
        log.conf_state = record.conf_state.clone().unwrap_or_default();
        self.durable = log.clone();
        Ok(())
    }
}
