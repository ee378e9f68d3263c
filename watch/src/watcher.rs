//! One watcher: what it wants, how far it is, and where it waits.

use crate::{ReplyBody, Sink, SinkError, WatchReply, chunk::EventSet, chunk::Filter, index::Spot};
use oxetcd_api::KeyRange;
use std::sync::Arc;

/// Number of a watcher's turn in a queue; never given twice.
pub(crate) type Ticket = u64;

/// What the client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) range: KeyRange,
    /// First revision wanted; 0 means "from now on".
    pub(crate) start: i64,
    pub(crate) filter: Filter,
    pub(crate) previous: bool,
    pub(crate) fragment: bool,
    pub(crate) progress: bool,
}

/// Where a watcher stands. It is in exactly one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// New, or between two places during one change of the state.
    Nowhere,
    /// In the index: it has seen all published events.
    Synced(Spot),
    /// Behind, in the queue of those that the next catch-up reads for.
    Ready(Ticket),
    /// Behind, and a read for it is under way without the lock.
    Reading(Ticket),
    /// Behind, and its stream has no room.
    Blocked(Ticket),
}

pub(crate) struct Watcher {
    /// Its stream's place in the state.
    pub(crate) stream: usize,
    pub(crate) sink: Arc<dyn Sink>,
    /// The id that the client knows.
    pub(crate) id: i64,
    pub(crate) wish: Wish,
    /// The first revision not yet given to it. A synced watcher has also been given all published revisions,
    /// so there this is only a lower bound, and what holds back a watcher that starts in the future.
    pub(crate) next: i64,
    pub(crate) place: Place,
    /// Whether the next progress tick tells it something: nothing was sent since the last one.
    pub(crate) progress_due: bool,
}

impl Watcher {
    /// Offers it events. On success it has seen everything before revision `next`.
    pub(crate) fn offer(&mut self, events: &EventSet, header_rev: i64, next: i64) -> Result<(), SinkError> {
        let mut events = events.clone();
        events.previous = self.wish.previous;
        events.fragment = self.wish.fragment;
        self.sink.try_send(WatchReply::new(self.id, header_rev, ReplyBody::Events(events)))?;
        self.next = next;
        self.progress_due = false;
        Ok(())
    }

    /// Whether it has seen everything up to `current`, and `current` is not before what it asked for. Only
    /// then does a progress reply at `current` tell the truth (etcd issue 20221).
    pub(crate) fn is_current(&self, current: i64) -> bool {
        let begun = self.wish.start == 0 || current >= self.wish.start;
        matches!(self.place, Place::Synced(_)) && begun && self.next <= current.saturating_add(1)
    }
}
