//! Catching up: watchers behind the current revision are served from the history.
//!
//! A round takes the lock to choose a cohort, reads a bounded chunk for it without the lock, and takes the
//! lock again, for a few watchers at a time, to hand out the events. Meanwhile writers publish and streams
//! come and go; what became of a watcher is looked at again before it gets anything.

use crate::{
    CatchUp, Hub, ReadLimit,
    cohort::{Cohort, Sorter},
};

/// How much one read may bring. Revisions as in etcd, which never puts more into one response; bytes so that
/// replies waiting in a sink stay small.
const CHUNK_LIMIT: ReadLimit = ReadLimit { revisions: 1000, size_bytes: 1 << 20 };
/// Watchers served under one hold of the lock.
const DELIVER_STEP: usize = 64;

impl Hub {
    /// Serves watchers that are behind, in at most `max_rounds` rounds. One round reads one bounded chunk of
    /// the history (up to 1,000 revisions or about 1 MiB) and serves up to 512 watchers with it.
    ///
    /// Call it from one thread whenever the hub's waker was called, and again at once while it returns
    /// [`CatchUp::More`]. It may read from disk; the hub's lock is not held meanwhile.
    pub fn catch_up(&self, max_rounds: usize) -> CatchUp {
        for _ in 0..max_rounds {
            let compacted = self.history().compacted_revision();
            let gathered = self.locked(|state| {
                state.compacted = state.compacted.max(compacted);
                state.gather()
            });
            let Some(cohort) = gathered else { break };
            if !self.serve(&cohort) {
                return CatchUp::Failed;
            }
        }
        // Not `locked`: moving watchers about has left the wake-up flag raised, and the caller is awake.
        let mut state = self.state().lock();
        state.take_wake();
        if state.has_ready() { CatchUp::More } else { CatchUp::Idle }
    }

    /// Reads for a cohort and hands out what came. `false` when the history cannot be read.
    fn serve(&self, cohort: &Cohort) -> bool {
        let mut sorter = Sorter::new(cohort);
        let mut take = |event| sorter.take(event);
        match self.history().events(&cohort.range, cohort.from, cohort.to, CHUNK_LIMIT, &mut take) {
            Ok(next) => {
                let next = next.clamp(cohort.from + 1, cohort.to + 1);
                for step in sorter.finish().chunks(DELIVER_STEP) {
                    self.locked(|state| state.deliver(step, next, cohort.to));
                }
                true
            }
            Err(error) => self.locked(|state| state.give_back(cohort, &error)),
        }
    }
}
