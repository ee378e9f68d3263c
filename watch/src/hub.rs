//! The hub: the one object that the server holds.

use crate::{History, Sink, Stream, state::State};
use oxetcd_api::EventBatch;
use parking_lot::Mutex;
use std::sync::Arc;

/// What [`Hub::catch_up`] leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing to do until the waker is called.
    Idle,
    /// Watchers still wait: call again.
    More,
    /// The history could not be read. Nothing is lost; call again after a while.
    Failed,
}

/// Numbers for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open streams.
    pub streams: usize,
    /// Watchers of all streams.
    pub watchers: usize,
    /// Watchers that are behind the current revision.
    pub slow_watchers: usize,
    /// Events given to sinks since the start.
    pub events_sent: u64,
}

/// Fan-out of committed events to watchers. Share it in an [`Arc`]; all methods may be called from any thread.
pub struct Hub {
    state: Mutex<State>,
    history: Arc<dyn History>,
    waker: Box<dyn Fn() + Send + Sync>,
}

impl Hub {
    /// A hub over `history`, which begins at its current revision. `waker` is called whenever watchers wait
    /// for [`Hub::catch_up`]: from any thread, without the hub's lock, often; it must only wake a thread.
    pub fn new(history: Arc<dyn History>, waker: impl Fn() + Send + Sync + 'static) -> Arc<Hub> {
        let state = Mutex::new(State::new(history.current_revision()));
        Arc::new(Hub { state, history, waker: Box::new(waker) })
    }

    /// Opens a stream that is answered through `sink`. The stream ends when it is dropped.
    pub fn open(self: &Arc<Self>, sink: Arc<dyn Sink>) -> Stream {
        Stream::open(self.clone(), sink)
    }

    /// Pushes the events of newly applied transactions to the watchers that match.
    ///
    /// Transactions come in order of revision, from one thread; each is readable in the history by then. It
    /// does not matter whether the clients that wrote them are answered before or after. It waits for no
    /// watcher: the cost is that of finding and queueing, for the events that some watcher wants.
    pub fn publish(&self, batches: impl IntoIterator<Item = EventBatch>) {
        for batch in batches {
            self.locked(|state| state.publish(batch));
        }
    }

    /// Says that the history now stands at its current revision without all events having been published, as
    /// after a snapshot from the leader. Synced watchers read up what they have missed; nobody is given
    /// anything twice.
    pub fn reset(&self) {
        let current = self.history.current_revision();
        self.locked(|state| state.jump(current));
    }

    /// The latest published revision.
    pub fn revision(&self) -> i64 {
        self.state.lock().current
    }

    /// Numbers for metrics.
    pub fn stats(&self) -> Stats {
        let state = self.state.lock();
        Stats {
            streams: state.streams.len(),
            watchers: state.watchers.len(),
            slow_watchers: state.watchers.len() - state.index.len(),
            events_sent: state.events_sent,
        }
    }

    /// The history it was made with.
    pub fn history(&self) -> &dyn History {
        &*self.history
    }

    pub(crate) fn state(&self) -> &Mutex<State> {
        &self.state
    }

    /// Runs `change` under the lock, and wakes the catch-up thread afterwards if that made work for it.
    pub(crate) fn locked<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, wake) = {
            let mut state = self.state.lock();
            let result = change(&mut state);
            (result, state.take_wake())
        };
        if wake {
            (self.waker)();
        }
        result
    }
}
