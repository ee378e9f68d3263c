//! A schedule: what is next, by time.
//!
//! A binary heap whose entries may lie. Each lease remembers the time of its one live entry (its *slot*); an
//! entry that does not agree with its lease's slot is stale and is dropped when it surfaces. Hence a lease that
//! moves to a later time, which is what every renewal does, leaves the heap alone: its entry surfaces too
//! early, and the owner schedules it anew. Stale entries are swept when they are the majority, so the heap is
//! never more than twice as large as needed.

use oxetcd_api::LeaseId;
use std::{cmp::Reverse, collections::BinaryHeap};

/// Slot of a lease that has no live entry.
pub(crate) const UNSCHEDULED: u64 = u64::MAX;
/// Below this many stale entries a sweep is not worth its time.
const SWEEP_MIN: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Reverse<(u64, LeaseId)>>,
    stale: usize,
}

impl Schedule {
    /// Makes the lease surface at `at_ms` or earlier.
    pub(crate) fn at_latest(&mut self, slot: &mut u64, at_ms: u64, id: LeaseId) {
        let at_ms = at_ms.min(UNSCHEDULED - 1);
        if at_ms < *slot {
            self.forget(slot);
            *slot = at_ms;
            self.heap.push(Reverse((at_ms, id)));
        }
    }

    /// Turns the live entry of a lease, if there is one, into a stale one.
    pub(crate) fn forget(&mut self, slot: &mut u64) {
        if std::mem::replace(slot, UNSCHEDULED) != UNSCHEDULED {
            self.stale += 1;
        }
    }

    /// The earliest entry, live or stale.
    pub(crate) fn first(&self) -> Option<(u64, LeaseId)> {
        self.heap.peek().map(|Reverse(entry)| *entry)
    }

    /// Takes the earliest entry out. `slot` is that of its lease, if there still is one; `true` when the entry
    /// was live, and then the slot is free.
    pub(crate) fn take_first(&mut self, slot: Option<&mut u64>) -> bool {
        let Some(Reverse((at_ms, _))) = self.heap.pop() else { return false };
        match slot {
            Some(slot) if *slot == at_ms => {
                *slot = UNSCHEDULED;
                true
            }
            _ => {
                self.stale = self.stale.saturating_sub(1);
                false
            }
        }
    }

    /// Sweeps stale entries when they are the majority. `slot` gives the slot of a lease.
    pub(crate) fn sweep(&mut self, slot: impl Fn(LeaseId) -> u64) {
        if self.stale >= SWEEP_MIN && self.stale > self.heap.len() / 2 {
            self.heap.retain(|Reverse((at_ms, id))| slot(*id) == *at_ms);
            self.stale = 0;
        }
    }

    /// Drops everything; the slots are the caller's to reset.
    pub(crate) fn clear(&mut self) {
        *self = Schedule::default();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}
