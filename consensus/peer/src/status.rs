//! Whether a peer answers, and since when.

use crate::{client::PeerError, host::PeerObserver};
use parking_lot::Mutex;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Instant};

/// Follows what all ways to a peer say about it: the last one that worked or failed counts.
pub(crate) struct Status {
    id: u64,
    observer: Arc<dyn PeerObserver>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    active_since: Option<Instant>,
    /// What each way said last, so that one trouble that lasts is logged once.
    troubles: BTreeMap<String, String>,
}

impl Status {
    pub(crate) fn new(id: u64, observer: Arc<dyn PeerObserver>) -> Status {
        Status { id, observer, state: Mutex::new(State::default()) }
    }

    pub(crate) fn active_since(&self) -> Option<Instant> {
        self.state.lock().active_since
    }

    /// Something went through.
    pub(crate) fn works(&self) {
        let mut state = self.state.lock();
        if state.active_since.is_none() {
            state.active_since = Some(Instant::now());
            state.troubles.clear();
            drop(state);
            tracing::info!(peer = %Id(self.id), "peer became active");
            self.observer.active(true);
        }
    }

    /// `way` failed.
    pub(crate) fn failed(&self, way: &str, error: &PeerError) {
        let text = format!("{way}: {error}");
        let mut state = self.state.lock();
        let was_active = state.active_since.take().is_some();
        let news = state.troubles.insert(way.to_owned(), text.clone()).as_ref() != Some(&text);
        drop(state);
        if was_active {
            tracing::warn!(peer = %Id(self.id), error = %text, "peer became inactive");
            self.observer.active(false);
        } else if news && error.is_lasting() {
            tracing::warn!(peer = %Id(self.id), error = %text, "a peer cannot be talked with");
        } else if news {
            tracing::debug!(peer = %Id(self.id), error = %text, "a peer cannot be reached");
        }
    }

    /// The peer is no longer one.
    pub(crate) fn end(&self) {
        if self.state.lock().active_since.take().is_some() {
            self.observer.active(false);
        }
    }
}

/// Ids are shown in hex.
pub(crate) struct Id(pub(crate) u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}
