//! Write transactions.

use crate::{
    Error, RangeResult, Result,
    history::Place,
    lease::LeaseBinding,
    read,
    record::{self, Record},
    span::{Span, Target},
    store::Shared,
    view::View,
};
use oxetcd_api::{
    Event, EventBatch, EventKind, LeaseId, Revision, etcdserverpb::RangeRequest, mvccpb::KeyValue,
};
use oxetcd_storage::{Step, Table};

/// Changes that become visible together, under one revision, when [`WriteTxn::end`] is called.
///
/// There is no way back: check a request before writing any of it. A transaction that was dropped without
/// `end` after it had written leaves the store unusable, as after a failure of storage.
pub struct WriteTxn<'a> {
    shared: &'a Shared,
    step: &'a Step<'a>,
    leases: &'a mut dyn LeaseBinding,
    begin: i64,
    events: Vec<Event>,
}

impl<'a> WriteTxn<'a> {
    pub(crate) fn new(shared: &'a Shared, step: &'a Step<'a>, leases: &'a mut dyn LeaseBinding) -> Self {
        WriteTxn { shared, step, leases, begin: shared.current(), events: Vec::new() }
    }

    /// The revision that this transaction reads at: its own once it has changed something.
    pub fn revision(&self) -> i64 {
        if self.events.is_empty() { self.begin } else { self.begin + 1 }
    }

    pub(crate) fn view(&self) -> View<'a> {
        View::new(self.shared, self.revision())
    }

    pub(crate) fn lease_exists(&self, id: LeaseId) -> bool {
        self.leases.exists(id)
    }

    /// Serves a range request; it sees what this transaction has written.
    ///
    /// # Errors
    /// As [`Store::range`](crate::Store::range).
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResult> {
        self.view().range(request)
    }

    /// The record of one key; it sees what this transaction has written.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`].
    pub fn get(&self, key: &[u8]) -> Result<Option<KeyValue>> {
        self.view().get(key)
    }

    /// Sets `key`. The lease (0: none) must exist.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`]: the member must stop.
    pub fn put(&mut self, key: &[u8], value: &[u8], lease: LeaseId) -> Result<()> {
        let (main, sub) = self.next()?;
        let put = self.shared.index.put(key, main, sub, lease != 0);
        let Place { created, version, .. } = put.place;
        let record =
            record::encode_put(Revision::new(main, i64::from(sub)), created, version, key, value, lease);
        self.record(EventKind::Put, put.place.revision, version == 1, record);
        let old = put.leased_before.map_or(Ok(0), |revision| self.lease_of(revision))?;
        if old != lease {
            if old != 0 {
                self.leases.detach(old, key);
            }
            if lease != 0 {
                self.leases.attach(lease, key);
            }
        }
        Ok(())
    }

    /// Deletes all live keys of a range in the form of the wire; returns how many.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`]: the member must stop.
    pub fn delete_range(&mut self, key: &[u8], range_end: &[u8]) -> Result<i64> {
        let one_end;
        let span = match Target::new(key, range_end) {
            Target::Span(span) => span,
            Target::Key(key) => {
                one_end = [key, &[0]].concat();
                Span { start: key, end: Some(&one_end) }
            }
        };
        let mut deleted = 0;
        let mut start = Some(key.to_vec());
        while let Some(from) = start {
            let (main, sub) = self.next()?;
            let mut handful: Vec<(Revision, Place, Record)> = Vec::new();
            let rest = Span { start: &from, end: span.end };
            start = self.shared.index.delete(rest, main, sub, &mut |key, place, sub| {
                let revision = Revision::new(main, i64::from(sub));
                handful.push((revision, place, record::encode_tombstone(revision, key)));
            });
            deleted += handful.len() as i64;
            for (revision, place, record) in handful {
                let key = record.key.clone();
                self.record(EventKind::Delete, revision, false, record);
                if place.leased {
                    let lease = self.lease_of(place.revision)?;
                    self.leases.detach(lease, &key);
                }
            }
        }
        Ok(deleted)
    }

    /// Ends the transaction and makes its changes visible. `None` when there are none: the revision stays.
    pub fn end(self) -> Option<EventBatch> {
        if self.events.is_empty() {
            return None;
        }
        let revision = self.begin + 1;
        self.shared.publish(revision);
        Some(EventBatch { revision, events: self.events })
    }

    /// Revision of the next change.
    fn next(&self) -> Result<(i64, u32)> {
        let sub = u32::try_from(self.events.len());
        let sub = sub.map_err(|_| Error::Corrupt("more than 2^32 changes in a transaction".into()))?;
        Ok((self.begin + 1, sub))
    }

    fn record(&mut self, kind: EventKind, revision: Revision, created: bool, record: Record) {
        self.step.put(Table::Key, record.place, record.stored);
        if self.events.is_empty() {
            // Most transactions make one change.
            self.events.reserve_exact(1);
        }
        self.events.push(Event { kind, key: record.key, revision, created, kv: record.event });
    }

    fn lease_of(&self, revision: Revision) -> Result<LeaseId> {
        read::fetch_one(&self.shared.buffer, revision, |record| Ok(record::fields(record)?.lease))
    }
}
