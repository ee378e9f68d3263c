//! The store: what is shared between its one writer and its many readers.

use crate::{
    Compaction, Error, Pin, RangeResult, Result, WriteTxn,
    hash::{Hashes, KeyValueHash},
    index::{Index, Walk},
    lease::LeaseBinding,
    load, marks,
    pins::Pins,
    read, record,
    span::Span,
    view::View,
};
use oxetcd_api::{LeaseId, Revision, etcdserverpb::RangeRequest};
use oxetcd_storage::{Buffer, Step};
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// State behind every handle.
pub(crate) struct Shared {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) index: Index,
    pub(crate) pins: Arc<Pins>,
    pub(crate) hashes: Hashes,
    /// Revision of the last finished transaction.
    current: AtomicI64,
}

impl Shared {
    pub(crate) fn current(&self) -> i64 {
        self.current.load(Ordering::Acquire)
    }

    /// Makes the changes of `revision` visible.
    pub(crate) fn publish(&self, revision: i64) {
        self.current.store(revision, Ordering::Release);
    }
}

/// A multi-version key-value store over a write buffer. Clones are handles to the same store.
///
/// Any thread may read. Writes come from one thread at a time: whoever holds the buffer's [`Step`].
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl Store {
    /// Opens the store that `buffer` holds: reads every record once to rebuild the index. `leased` is called
    /// for every live key that has a lease, in order of the keys. The compaction returned is one that was
    /// interrupted; it must be run on, as if it had just been asked for.
    ///
    /// # Errors
    /// [`Error::Storage`] when the engine fails, [`Error::Corrupt`] when it holds what is no record.
    pub fn open(
        buffer: Arc<Buffer>,
        leased: &mut dyn FnMut(&[u8], LeaseId),
    ) -> Result<(Store, Option<Compaction>)> {
        let finished = marks::read(&buffer, marks::FINISHED)?;
        let scheduled = marks::read(&buffer, marks::SCHEDULED)?;
        let (index, newest) = load::index(&buffer)?;
        // All records at the top may have been tombstones that a compaction removed: revisions never go back.
        let current = newest.max(finished.unwrap_or(-1)).max(scheduled.unwrap_or(-1));
        let shared = Arc::new(Shared {
            buffer,
            index,
            pins: Pins::new(finished.unwrap_or(-1)),
            hashes: Hashes::default(),
            current: AtomicI64::new(current),
        });
        attachments(&shared, leased)?;
        let compacted = shared.pins.compacted();
        let interrupted = scheduled.filter(|scheduled| *scheduled > compacted);
        let compaction = interrupted.map(|revision| {
            shared.pins.compact(revision);
            Compaction::new(shared.clone(), revision, compacted, false)
        });
        Ok((Store { shared }, compaction))
    }

    /// The buffer below.
    pub fn buffer(&self) -> &Arc<Buffer> {
        &self.shared.buffer
    }

    /// Revision of the last finished transaction that changed something; 1 for a store never written.
    pub fn revision(&self) -> i64 {
        self.shared.current()
    }

    /// Revision of the last compaction, -1 before the first. It can still be read; none below can.
    pub fn compacted(&self) -> i64 {
        self.shared.pins.compacted()
    }

    /// Number of live keys.
    pub fn live_keys(&self) -> i64 {
        self.shared.index.live()
    }

    /// Serves a range request from what is committed now. It stays consistent whatever is written or compacted
    /// meanwhile, and holds nobody up.
    ///
    /// # Errors
    /// [`Error::Compacted`] and [`Error::FutureRevision`] for a revision out of reach.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResult> {
        self.range_with_pauses(request, &|| {})
    }

    /// As [`Store::range`], for an answer that takes long: `pause` is called between pieces of some dozens of keys, while
    /// nothing is locked, and may take as long as it likes.
    ///
    /// # Errors
    /// As [`Store::range`].
    pub fn range_with_pauses(&self, request: &RangeRequest, pause: &dyn Fn()) -> Result<RangeResult> {
        loop {
            let answer = View::with_pauses(&self.shared, self.revision(), pause).range(request);
            match answer {
                // "Now" was compacted before it was read: there is a newer one.
                Err(Error::Compacted) if request.revision <= 0 => {}
                answer => return answer,
            }
        }
    }

    /// Keeps `revision` readable until the pin is dropped.
    ///
    /// # Errors
    /// [`Error::Compacted`] and [`Error::FutureRevision`] for a revision out of reach.
    pub fn pin(&self, revision: i64) -> Result<Pin> {
        if revision > self.revision() {
            return Err(Error::FutureRevision);
        }
        self.shared.pins.pin(revision).ok_or(Error::Compacted)
    }

    /// Begins a transaction whose writes go through `step`.
    pub fn begin<'a>(&'a self, step: &'a Step<'a>, leases: &'a mut dyn LeaseBinding) -> WriteTxn<'a> {
        WriteTxn::new(&self.shared, step, leases)
    }

    /// Hashes of the last compactions, oldest first; see [`Store::hash_kv`].
    pub fn compaction_hashes(&self) -> Vec<KeyValueHash> {
        self.shared.hashes.all()
    }
}

/// Tells `leased` of the live keys that have a lease.
fn attachments(shared: &Shared, leased: &mut dyn FnMut(&[u8], LeaseId)) -> Result<()> {
    let everything = Span { start: b"", end: None };
    let mut walk = Walk::new(&shared.index, everything, i64::MAX, false);
    let mut found: Vec<Revision> = Vec::new();
    loop {
        found.clear();
        let more = walk.next(crate::index::WALK_KEYS, |_, place| {
            if place.leased {
                found.push(place.revision);
            }
            ControlFlow::Continue(())
        });
        read::fetch(&shared.buffer, &found, &mut |_, record| {
            let fields = record::fields(record)?;
            leased(fields.key, fields.lease);
            Ok(())
        })?;
        if !more {
            return Ok(());
        }
    }
}
