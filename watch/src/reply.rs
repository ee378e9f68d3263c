//! What a stream is told.

use crate::{EventSet, History};
use std::borrow::Cow;

/// The watch id of replies that belong to no watcher: refused creations and requested progress.
pub(crate) const NO_WATCH_ID: i64 = -1;

/// One answer of the hub to one stream.
#[derive(Clone, Debug)]
pub struct WatchReply {
    /// The watcher it belongs to, or -1.
    pub watch_id: i64,
    /// The revision in the reply's header: the store's when the reply was made, 0 (absent on the wire) for
    /// [`ReplyBody::Compacted`].
    pub revision: i64,
    /// What it says.
    pub body: ReplyBody,
}

/// What a [`WatchReply`] says.
#[derive(Clone, Debug)]
pub enum ReplyBody {
    /// The watcher stands; its events follow.
    Created,
    /// No watcher was made, for this reason. On the wire: created and canceled at once.
    Refused(Cow<'static, str>),
    /// The client canceled the watcher; nothing follows for it.
    Canceled,
    /// The watcher was taken from the client, for this reason; nothing follows for it.
    Ended(Cow<'static, str>),
    /// The watcher asked for events older than this compacted revision, or fell so far behind; nothing follows.
    Compacted(i64),
    /// All events of the watcher (of all the stream's watchers if the id is -1) up to the reply's revision
    /// have been sent.
    Progress,
    /// Events, one or more, in order of revision.
    Events(EventSet),
}

impl WatchReply {
    pub(crate) fn new(watch_id: i64, revision: i64, body: ReplyBody) -> Self {
        WatchReply { watch_id, revision, body }
    }

    /// The events inside; `None` for all other replies.
    pub fn events(&self) -> Option<&EventSet> {
        match &self.body {
            ReplyBody::Events(events) => Some(events),
            _ => None,
        }
    }

    /// Number of events inside.
    pub fn event_count(&self) -> usize {
        self.events().map_or(0, EventSet::len)
    }

    /// About how many bytes it takes on the wire, previous values not counted.
    pub fn size_bytes(&self) -> usize {
        const FIXED_BYTES: usize = 48;
        FIXED_BYTES + self.events().map_or(0, EventSet::size_bytes)
    }

    /// Reads the previous values of the events from `history` if the watcher asked for them. Each is read once
    /// for all watchers of the same event. Call it on the stream's own task, before
    /// [`WatchReply::into_frames`]; it may read from disk. It does nothing where it is not needed.
    pub fn look_up_previous(&self, history: &dyn History) {
        if let ReplyBody::Events(events) = &self.body {
            events.look_up_previous(history);
        }
    }

    /// Whether [`WatchReply::look_up_previous`] has anything to do.
    pub fn wants_previous(&self) -> bool {
        self.events().is_some_and(EventSet::wants_previous)
    }
}
