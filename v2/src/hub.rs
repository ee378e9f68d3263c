//! Those who wait for changes.
//!
//! Watchers are found by path: a change is told at each directory above it. A watcher that takes no more is
//! dropped; it has missed something, and its client hears that by the end of the answer.

use crate::{Event, path};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Where a watcher's events go.
pub trait Sink: Send {
    /// Takes an event; `false` if it cannot.
    fn send(&self, event: Arc<Event>) -> bool;
}

/// Names a watcher.
pub type WatchId = u64;

/// A watch that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Its name, for [`crate::Tree::unwatch`]; `None` if history had what was asked for, so that nobody waits.
    pub id: Option<WatchId>,
    /// Index of the tree at its beginning.
    pub start_index: u64,
}

struct Watcher {
    sink: Box<dyn Sink>,
    recursive: bool,
    stream: bool,
    since: u64,
}

/// All watchers.
#[derive(Default)]
pub(crate) struct Hub {
    // Those of a path are told in the order in which they came.
    by_path: HashMap<String, BTreeMap<WatchId, Watcher>>,
    paths: HashMap<WatchId, String>,
    last: WatchId,
}

impl Hub {
    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }

    pub(crate) fn add(
        &mut self,
        key: String,
        recursive: bool,
        stream: bool,
        since: u64,
        sink: Box<dyn Sink>,
    ) -> WatchId {
        self.last += 1;
        self.paths.insert(self.last, key.clone());
        let watcher = Watcher { sink, recursive, stream, since };
        self.by_path.entry(key).or_default().insert(self.last, watcher);
        self.last
    }

    pub(crate) fn remove(&mut self, id: WatchId) {
        let Some(path) = self.paths.remove(&id) else { return };
        if let Some(watchers) = self.by_path.get_mut(&path) {
            watchers.remove(&id);
            if watchers.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }

    /// Tells a change to whoever watches its path, or a directory above it.
    pub(crate) fn notify(&mut self, event: &Arc<Event>) {
        if self.paths.is_empty() {
            return;
        }
        let mut at = "/".to_owned();
        self.notify_at(event, &at, false);
        for part in event.key().split('/').filter(|part| !part.is_empty()) {
            at = path::join(&at, part);
            self.notify_at(event, &at, false);
        }
    }

    /// Tells it to whoever watches `at`; `deleted` if that went away with it.
    pub(crate) fn notify_at(&mut self, event: &Arc<Event>, at: &str, deleted: bool) {
        let Some(watchers) = self.by_path.get_mut(at) else { return };
        let own = event.key() == at;
        if !own && path::hidden_below(at, event.key()) {
            return;
        }
        let paths = &mut self.paths;
        watchers.retain(|id, watcher| {
            let told = (watcher.recursive || own || deleted) && event.index() >= watcher.since;
            let stays = !told || watcher.sink.send(event.clone()) && watcher.stream;
            if !stays {
                paths.remove(id);
            }
            stays
        });
        if watchers.is_empty() {
            self.by_path.remove(at);
        }
    }
}
