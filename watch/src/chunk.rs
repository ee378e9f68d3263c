//! Events shared among watchers.
//!
//! Thousands of watchers may get the same event. What they share is a [`Chunk`]: the events of one published
//! transaction, or of one read of the history. A watcher's [`EventSet`] is a reference to the chunk and the
//! numbers of the events that match it ([`Picks`]), which in turn are shared among the watchers of one range.

use crate::History;
use bytes::Bytes;
use oxetcd_api::{Event, EventKind};
use std::sync::{Arc, OnceLock};

/// Bytes of an event on the wire beside its record, at most (varints for lengths and type).
const EVENT_FRAMING_BYTES: usize = 14;

/// Events in order of revision, with the previous values that someone has asked for.
#[derive(Debug)]
pub(crate) struct Chunk {
    events: Vec<Event>,
    /// One cell an event, made when the first watcher wants previous values.
    previous: OnceLock<Box<[OnceLock<Option<Bytes>>]>>,
}

impl Chunk {
    pub(crate) fn new(events: Vec<Event>) -> Self {
        Chunk { events, previous: OnceLock::new() }
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    fn look_up_previous(&self, at: usize, history: &dyn History) {
        let cells = self.previous.get_or_init(|| self.events.iter().map(|_| OnceLock::new()).collect());
        let event = &self.events[at];
        if !event.created {
            cells[at].get_or_init(|| history.previous(&event.key, event.revision.main));
        }
    }

    fn previous(&self, at: usize) -> Option<&Bytes> {
        self.previous.get()?[at].get()?.as_ref()
    }
}

/// Which events of a chunk a watcher gets, in order.
#[derive(Clone, Debug)]
pub(crate) enum Picks {
    /// Exactly one: by far the most common, so it costs no allocation.
    One(u32),
    /// These; never empty.
    Some(Arc<[u32]>),
}

impl Picks {
    /// `None` when there is nothing to pick.
    pub(crate) fn new(picks: &[u32]) -> Option<Self> {
        match picks {
            [] => None,
            [one] => Some(Picks::One(*one)),
            more => Some(Picks::Some(more.into())),
        }
    }

    fn as_slice(&self) -> &[u32] {
        match self {
            Picks::One(one) => std::slice::from_ref(one),
            Picks::Some(picks) => picks,
        }
    }
}

/// The events of one reply: a cheap reference to events that other watchers share.
#[derive(Clone, Debug)]
pub struct EventSet {
    chunk: Arc<Chunk>,
    picks: Picks,
    size_bytes: usize,
    pub(crate) previous: bool,
    pub(crate) fragment: bool,
}

impl EventSet {
    pub(crate) fn new(chunk: Arc<Chunk>, picks: Picks) -> Self {
        let size =
            |at: &u32| chunk.events.get(*at as usize).map_or(0, |event| event.kv.len() + EVENT_FRAMING_BYTES);
        let size_bytes = picks.as_slice().iter().map(size).sum();
        EventSet { chunk, picks, size_bytes, previous: false, fragment: false }
    }

    /// How many events it holds; never 0.
    pub fn len(&self) -> usize {
        self.picks.as_slice().len()
    }

    /// Never true: a watcher that has nothing to be told gets no reply.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes the events take on the wire, previous values not counted.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The events, and the encoded previous record of each if the watcher wants it and it was looked up.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Event, Option<&Bytes>)> {
        (0..self.len()).map(|at| self.get(at))
    }

    pub(crate) fn get(&self, at: usize) -> (&Event, Option<&Bytes>) {
        let at = self.picks.as_slice()[at] as usize;
        (&self.chunk.events[at], if self.previous { self.chunk.previous(at) } else { None })
    }

    pub(crate) fn wants_previous(&self) -> bool {
        self.previous
    }

    pub(crate) fn look_up_previous(&self, history: &dyn History) {
        if self.previous {
            for at in self.picks.as_slice() {
                self.chunk.look_up_previous(*at as usize, history);
            }
        }
    }
}

/// Kinds of events that a watcher does not want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    pub(crate) no_put: bool,
    pub(crate) no_delete: bool,
}

impl Filter {
    pub(crate) fn passes(self, event: &Event) -> bool {
        match event.kind {
            EventKind::Put => !self.no_put,
            EventKind::Delete => !self.no_delete,
        }
    }

    /// A small number for each filter, to keep one variant of the picks for each.
    pub(crate) fn variant(self) -> usize {
        usize::from(self.no_put) + 2 * usize::from(self.no_delete)
    }
}
