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

    /// Whether there is anything of clients or users in it.
    pub fn holds_anything(&self) -> bool {
        self.root.children().into_iter().flatten().any(|(name, node)| {
            !NAMESPACES.contains(&&**name) || node.children().is_some_and(|children| !children.is_empty())
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expiry, V2Error};
    use std::collections::BTreeMap;

    #[test]
    fn only_the_first_write_makes_records_and_then_of_all() -> Result<(), V2Error> {
        let mut tree = Tree::untouched(2);
        tree.count_elsewhere(Elsewhere::Set);
        assert!(tree.get("/1/a", false, 0).is_err() && !tree.is_in_use());
        assert_eq!(tree.take_changes(), []);
        tree.set("/1/a", Some("v"), Expiry::default(), 0)?;
        tree.count_elsewhere(Elsewhere::Removed);
        assert!(tree.is_in_use());
        let records: BTreeMap<_, _> =
            tree.take_changes().into_iter().filter_map(|change| Some((change.key, change.value?))).collect();
        let opened = Tree::open(records.iter().map(|(key, value)| (&key[..], &value[..])));
        let mut opened = opened.unwrap_or_default();
        assert_eq!((opened.index(), opened.is_in_use(), opened.history == tree.history), (5, true, true));
        let node = opened.get("/1/a", false, 0)?.node.unwrap_or_default();
        assert_eq!(node.modified_index, 4);
        Ok(())
    }

    #[test]
    fn a_saved_tree_knows_whether_it_is_in_use() {
        let recovered = |tree: &Tree| Tree::recover(tree.save(None).unwrap_or_default().as_bytes());
        let untouched = Tree::untouched(1500);
        let again = recovered(&untouched).unwrap_or_default();
        assert_eq!((again.is_in_use(), again.index()), (false, 1500));
        assert!(again.history == untouched.history);
        let mut used = untouched;
        // What a client wrote and took away again has been written.
        assert!(used.set("/1/a", Some(""), Expiry::default(), 0).is_ok());
        assert!(used.delete("/1/a", false, false, 0).is_ok());
        assert!(recovered(&used).is_ok_and(|tree| tree.is_in_use()));
    }
}
