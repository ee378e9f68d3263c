//! Changes that count here and are kept elsewhere.
//!
//! etcd kept its own members in this tree, below `/0`, beside the keys of clients below `/1`; here they have a store
//! of their own. But all share one index, by which in-order keys are named and watchers wait. So each change of the
//! members takes an index here, too, and an event in the history that nobody waits for.
//!
//! As long as no client has written anything, that index is all there is to know of a tree.

use crate::{Action, Event, Tree, history::CAPACITY, history::History, tree::NAMESPACES};
use std::sync::Arc;

/// What was done elsewhere, in the words of this tree's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Something new was made.
    Made,
    /// Something was set, whether it was there or not.
    Set,
    /// Something that was there was changed.
    Updated,
    /// Something was removed.
    Removed,
}

fn event(index: u64) -> Arc<Event> {
    let mut event = Event::new(Action::Set, &format!("/{}", NAMESPACES[0]), index, index);
    event.node_mut().dir = true;
    Arc::new(event)
}

impl Tree {
    /// A tree that no client has written to, after so many changes elsewhere.
    pub fn untouched(index: u64) -> Tree {
        let oldest = index.saturating_sub(CAPACITY as u64) + 1;
        let history = History::of((oldest..=index).map(event).collect());
        Tree { index, history, ..Tree::default() }
    }

    /// Whether a client has ever written to it. Before that it has no records.
    pub fn is_in_use(&self) -> bool {
        self.in_use
    }

    /// Counts a change elsewhere.
    pub fn count_elsewhere(&mut self, change: Elsewhere) {
        match change {
            Elsewhere::Made => self.stats.create_success += 1,
            Elsewhere::Set => self.stats.sets_success += 1,
            Elsewhere::Updated => self.stats.update_success += 1,
            Elsewhere::Removed => self.stats.delete_success += 1,
        }
        self.index += 1;
        self.record(event(self.index));
    }
}
