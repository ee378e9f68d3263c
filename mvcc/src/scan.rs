//! Going through the records in order of revision, some at a time.
//!
//! A scan of the write buffer first copies the handles of all pending changes between its bounds, so it must
//! not be given wide bounds for a few records. How many records lie between two revisions is not known: after
//! a compaction there may be none in a million. So the window widens while little is found, and shrinks when
//! more lies in it than was asked for.

use crate::{Error, Result};
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Table};
use std::ops::ControlFlow;

const FIRST_WINDOW: i64 = 1024;
const WINDOW_MAX: i64 = 1 << 60;

/// A record met on the way.
pub(crate) struct Seen<'r> {
    pub(crate) revision: Revision,
    pub(crate) tombstone: bool,
    /// Its key in the `key` table.
    pub(crate) place: &'r [u8],
    pub(crate) record: &'r [u8],
}

/// Visitor of a scan; says whether to go on.
pub(crate) type Visit<'v> = dyn FnMut(Seen<'_>) -> Result<ControlFlow<()>> + 'v;

/// Where a scan stands. It borrows nothing, so it can be kept between two pieces of work.
pub(crate) struct Scan {
    next: Revision,
    last_main: i64,
    window: i64,
}

impl Scan {
    /// From `first` up to all of `last_main`.
    pub(crate) fn new(first: Revision, last_main: i64) -> Self {
        Scan { next: first, last_main, window: FIRST_WINDOW }
    }

    /// Visits up to `records_max` records; fewer, and even none, does not mean the end. `false` at the end.
    ///
    /// # Errors
    /// Failures of the engine, and whatever `visit` returns.
    pub(crate) fn next(
        &mut self,
        buffer: &Buffer,
        records_max: usize,
        visit: &mut Visit<'_>,
    ) -> Result<bool> {
        if self.next.main > self.last_main {
            return Ok(false);
        }
        let from = self.next;
        let behind =
            Revision::new(from.main.saturating_add(self.window).min(self.last_main.saturating_add(1)), 0);
        let (mut next, mut seen, mut outcome) = (behind, 0, Ok(()));
        buffer.scan(Table::Key, &from.to_bytes(), Some(&behind.to_bytes()), &mut |place, record| {
            seen += 1;
            let flow = match Revision::from_bytes(place) {
                Some((revision, tombstone)) => {
                    let flow = visit(Seen { revision, tombstone, place, record });
                    let stop = seen == records_max || !matches!(flow, Ok(ControlFlow::Continue(())));
                    if stop {
                        next = Revision::new(revision.main, revision.sub.saturating_add(1));
                    }
                    flow.map(|_| stop)
                }
                None => Err(Error::Corrupt(format!("{place:02x?} is no revision"))),
            };
            match flow {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => ControlFlow::Break(()),
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        outcome?;
        if seen >= records_max {
            self.window = (next.main - from.main + 1).clamp(1, self.window);
        } else if seen * 2 < records_max {
            self.window = (self.window * 4).min(WINDOW_MAX);
        }
        self.next = next;
        Ok(self.next.main <= self.last_main)
    }
}
