//! History, as watchers need it: the changes since a revision, and what was before a change.

use crate::{
    Error, Result, Store, read,
    record::{self, Fields},
    scan::{Scan, Seen},
};
use bytes::Bytes;
use oxetcd_api::{Event, EventBatch, EventKind, KeyRange, Revision};
use oxetcd_storage::Table;
use std::ops::ControlFlow;

/// Records looked at between two looks at the engine.
const SCAN_RECORDS: usize = 512;
/// Records looked at in one call.
const CALL_RECORDS: usize = 16_384;

/// How much of history one call may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimit {
    /// Revisions with changes in the range.
    pub revisions: usize,
    /// Bytes of their records, exceeded by no more than one revision's.
    pub bytes: usize,
}

impl Store {
    /// Changes in `range` from revision `from` on, in order, and the revision to go on from; that is
    /// `revision() + 1` when all was seen. A call looks at a bounded number of records, so it may return
    /// nothing and still not be at the end. A revision is never cut in two.
    ///
    /// # Errors
    /// [`Error::Compacted`] when `from` lies below the compacted revision (whose own changes are kept).
    pub fn events(&self, range: &KeyRange, from: i64, limit: HistoryLimit) -> Result<(Vec<EventBatch>, i64)> {
        let current = self.revision();
        if from > current {
            return Ok((Vec::new(), from));
        }
        // A compaction below `from` removes nothing that is looked at here.
        let pin = self.shared.pins.pin_from(from).ok_or(Error::Compacted)?;
        let mut scan = Scan::new(Revision::new(from.max(1), 0), current);
        let mut found = Found { range, limit, batches: Vec::new(), bytes: 0, looked_at: 0, next: None };
        while found.next.is_none()
            && scan.next(&self.shared.buffer, SCAN_RECORDS, &mut |seen| found.look_at(&seen))?
        {}
        drop(pin);
        Ok((found.batches, found.next.unwrap_or(current + 1)))
    }

    /// The record of `key` just before its change at `revision`. `None` if there was none, or if it was
    /// compacted away.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`].
    pub fn previous(&self, key: &[u8], revision: i64) -> Result<Option<Bytes>> {
        let before = revision.saturating_sub(1);
        let Some(place) = self.shared.index.get(key, before) else { return Ok(None) };
        let stored = self.shared.buffer.get(Table::Key, &place.revision.to_bytes())?;
        if before < self.compacted() {
            return Ok(None);
        }
        stored.map(Some).ok_or_else(|| read::missing(place.revision))
    }
}

struct Found<'a> {
    range: &'a KeyRange,
    limit: HistoryLimit,
    batches: Vec<EventBatch>,
    bytes: usize,
    looked_at: usize,
    /// Where to go on when it was stopped before the end.
    next: Option<i64>,
}

impl Found<'_> {
    fn look_at(&mut self, seen: &Seen<'_>) -> Result<ControlFlow<()>> {
        let main = seen.revision.main;
        let begins = self.batches.last().is_none_or(|batch| batch.revision != main);
        let full = self.batches.len() >= self.limit.revisions
            || self.bytes >= self.limit.bytes && !self.batches.is_empty()
            || self.looked_at >= CALL_RECORDS;
        // Only the first record of a revision may be put off.
        if begins && full && seen.revision.sub == 0 {
            self.next = Some(main);
            return Ok(ControlFlow::Break(()));
        }
        self.looked_at += 1;
        let fields = record::fields(seen.record)?;
        if !self.range.contains(fields.key) {
            return Ok(ControlFlow::Continue(()));
        }
        let event = event(seen, &fields);
        self.bytes += event.kv.len();
        match self.batches.last_mut().filter(|_| !begins) {
            Some(batch) => batch.events.push(event),
            None => self.batches.push(EventBatch { revision: main, events: vec![event] }),
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The event that the record made when it was written.
fn event(seen: &Seen<'_>, fields: &Fields<'_>) -> Event {
    let revision = seen.revision;
    if seen.tombstone {
        let record = record::encode_tombstone(revision, fields.key.into());
        return Event {
            kind: EventKind::Delete,
            key: record.key,
            revision,
            created: false,
            kv: record.event,
        };
    }
    let kv = Bytes::copy_from_slice(seen.record);
    let key_at = fields.key.as_ptr() as usize - seen.record.as_ptr() as usize;
    let key = kv.slice(key_at..key_at + fields.key.len());
    Event { kind: EventKind::Put, key, revision, created: fields.version == 1, kv }
}
