//! All watchers and streams, and the moves between the places where a watcher can stand.
//!
//! This is what the hub's lock guards. Each change leaves every watcher in exactly one place:
//! the index (synced), the queue of the ready, a read under way, or its stream's list of the blocked.
//!
//! Invariant: a watcher is blocked only while its stream's `blocked` flag is up, and after the flag went up
//! the sink was seen to have no room for it. The reader of a stream takes replies first and looks at the flag
//! then, so of the two at least one sees the other, and no watcher waits for room that is already there.

use crate::{
    ReplyBody, Sink, WatchReply,
    index::Index,
    watcher::{Place, Ticket, Watcher, Wish},
};
use slab::Slab;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) struct StreamState {
    pub(crate) sink: Arc<dyn Sink>,
    /// Up while watchers are blocked; shared with the stream's reader.
    pub(crate) flag: Arc<AtomicBool>,
    /// By the id that the client knows.
    pub(crate) watchers: BTreeMap<i64, usize>,
    /// Ids of watchers that compaction ended. They stay taken, and a cancel is still answered, until the
    /// client cancels them: that is what etcd does and what its client counts on.
    pub(crate) retired: BTreeSet<i64>,
    pub(crate) next_id: i64,
    /// Watchers that wait for room, longest wait first.
    blocked: BTreeMap<Ticket, usize>,
    /// How many of its watchers are ready or being read for: each may soon take one place in the sink.
    queued: usize,
}

pub(crate) struct State {
    /// The latest published revision.
    pub(crate) current: i64,
    /// The latest compaction heard of.
    pub(crate) compacted: i64,
    pub(crate) watchers: Slab<Watcher>,
    pub(crate) streams: Slab<StreamState>,
    pub(crate) index: Index,
    pub(crate) events_sent: u64,
    /// Watchers to read for, longest wait first.
    ready: BTreeMap<Ticket, usize>,
    last_ticket: Ticket,
    /// Whether the catch-up thread has got something to do since [`State::take_wake`].
    wake: bool,
}

impl State {
    pub(crate) fn new(current: i64) -> Self {
        State {
            current,
            compacted: 0,
            watchers: Slab::new(),
            streams: Slab::new(),
            index: Index::new(),
            events_sent: 0,
            ready: BTreeMap::new(),
            last_ticket: 0,
            wake: false,
        }
    }

    pub(crate) fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn open_stream(&mut self, sink: Arc<dyn Sink>, flag: Arc<AtomicBool>) -> usize {
        self.streams.insert(StreamState {
            sink,
            flag,
            watchers: BTreeMap::new(),
            retired: BTreeSet::new(),
            next_id: 0,
            blocked: BTreeMap::new(),
            queued: 0,
        })
    }

    /// Adds a watcher, which stands nowhere yet.
    pub(crate) fn add(&mut self, stream: usize, id: i64, wish: Wish, next: i64) -> usize {
        let owner = &mut self.streams[stream];
        let sink = owner.sink.clone();
        let place = Place::Nowhere;
        let key = self.watchers.insert(Watcher { stream, sink, id, wish, next, place, progress_due: true });
        owner.watchers.insert(id, key);
        owner.sink.resize(owner.watchers.len());
        key
    }

    /// Takes a watcher out, wherever it stands.
    pub(crate) fn remove(&mut self, key: usize) {
        self.leave(key);
        let watcher = self.watchers.remove(key);
        let stream = &mut self.streams[watcher.stream];
        stream.watchers.remove(&watcher.id);
        stream.sink.resize(stream.watchers.len());
    }

    /// Ends a watcher that asks for compacted history.
    pub(crate) fn retire(&mut self, key: usize, compacted: i64) {
        let watcher = &self.watchers[key];
        // etcd leaves the header's revision out here.
        watcher.sink.send_control(WatchReply::new(watcher.id, 0, ReplyBody::Compacted(compacted)));
        self.streams[watcher.stream].retired.insert(watcher.id);
        self.remove(key);
    }

    /// Takes a watcher from its place; it then stands nowhere.
    fn leave(&mut self, key: usize) {
        let watcher = &mut self.watchers[key];
        let stream = watcher.stream;
        match std::mem::replace(&mut watcher.place, Place::Nowhere) {
            Place::Nowhere => {}
            Place::Synced(spot) => {
                if let Some(moved) = self.index.remove(spot) {
                    self.watchers[moved].place = Place::Synced(spot);
                }
            }
            Place::Blocked(ticket) => {
                self.streams[stream].blocked.remove(&ticket);
            }
            Place::Ready(ticket) => {
                self.ready.remove(&ticket);
                self.leave_queue(stream);
            }
            Place::Reading(_) => self.leave_queue(stream),
        }
    }

    /// One watcher of the stream less takes part in catching up: another may use the place that it would have
    /// taken in the sink.
    fn leave_queue(&mut self, stream: usize) {
        self.streams[stream].queued -= 1;
        if !self.streams[stream].blocked.is_empty() {
            self.unblock(stream);
        }
    }

    /// Puts a watcher where it belongs by how far it is: into the index, or into the queue.
    pub(crate) fn settle(&mut self, key: usize) {
        if self.watchers[key].next > self.current { self.join(key) } else { self.enqueue(key) }
    }

    fn join(&mut self, key: usize) {
        self.leave(key);
        let watcher = &mut self.watchers[key];
        watcher.place = Place::Synced(self.index.insert(&watcher.wish.range, key));
    }

    fn enqueue(&mut self, key: usize) {
        self.leave(key);
        let ticket = self.next_ticket();
        self.enqueue_as(key, ticket);
    }

    fn enqueue_as(&mut self, key: usize, ticket: Ticket) {
        let watcher = &mut self.watchers[key];
        watcher.place = Place::Ready(ticket);
        self.streams[watcher.stream].queued += 1;
        self.ready.insert(ticket, key);
        self.wake = true;
    }

    /// Sets a watcher aside until its stream has room.
    pub(crate) fn block(&mut self, key: usize) {
        self.leave(key);
        let ticket = self.next_ticket();
        let watcher = &mut self.watchers[key];
        watcher.place = Place::Blocked(ticket);
        let stream = watcher.stream;
        self.streams[stream].blocked.insert(ticket, key);
        self.unblock(stream);
    }

    /// Moves as many blocked watchers to the queue as the sink has room for, and leaves the flag up if some
    /// stay behind.
    pub(crate) fn unblock(&mut self, stream: usize) {
        loop {
            let state = &mut self.streams[stream];
            state.flag.store(!state.blocked.is_empty(), Ordering::SeqCst);
            let free = state.sink.room().saturating_sub(state.queued);
            if free == 0 || state.blocked.is_empty() {
                return;
            }
            for _ in 0..free {
                let Some((ticket, key)) = self.streams[stream].blocked.pop_first() else { break };
                self.enqueue_as(key, ticket);
            }
        }
    }

    /// Takes the watcher that has waited longest, if it is behind and its sink has room, to read for it.
    /// Others on the way are put where they belong, at most `tries` of them.
    pub(crate) fn next_reader(&mut self, mut tries: usize) -> Option<usize> {
        while tries > 0 {
            tries -= 1;
            let (_, key) = self.ready.first_key_value()?;
            let key = *key;
            if self.start_reading(key) {
                return Some(key);
            }
        }
        None
    }

    /// Marks a ready watcher as being read for. `false` when there is nothing to read for it: it was moved to
    /// the index, set aside, or ended.
    pub(crate) fn start_reading(&mut self, key: usize) -> bool {
        let watcher = &mut self.watchers[key];
        let Place::Ready(ticket) = watcher.place else { return false };
        if watcher.next < self.compacted {
            self.retire(key, self.compacted);
        } else if watcher.next > self.current {
            self.join(key);
        } else if watcher.sink.room() == 0 {
            self.block(key);
        } else {
            watcher.place = Place::Reading(ticket);
            self.ready.remove(&ticket);
            return true;
        }
        false
    }

    /// Puts a watcher that was read for, but for which the read brought nothing, back to where it stood.
    pub(crate) fn stop_reading(&mut self, key: usize) {
        if let Place::Reading(ticket) = self.watchers[key].place {
            self.leave(key);
            self.enqueue_as(key, ticket);
        }
    }

    /// The ready watchers that have waited longest, in that order.
    pub(crate) fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        self.ready.values().copied()
    }

    /// Goes to revision `current` without having the events between: every synced watcher that wants some of
    /// them has to read them up.
    pub(crate) fn jump(&mut self, current: i64) {
        let seen = self.current;
        self.current = self.current.max(current);
        let synced = |watcher: &Watcher| matches!(watcher.place, Place::Synced(_));
        let keys: Vec<usize> = self.watchers.iter().filter(|(_, w)| synced(w)).map(|(key, _)| key).collect();
        for key in keys {
            let watcher = &mut self.watchers[key];
            // Never lowered: a watcher of the future stays one (etcd issue 20221), and one that has seen all
            // up to here is not given it again (etcd issue 15271).
            watcher.next = watcher.next.max(seen.saturating_add(1));
            if watcher.next <= self.current {
                self.enqueue(key);
            }
        }
    }

    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.last_ticket
    }
}
