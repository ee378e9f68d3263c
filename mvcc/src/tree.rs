//! The index tree: leaves under an ordered map of their lower bounds.
//!
//! A bound is the shortest key that tells a leaf from the one before, so the map stays small and most bounds
//! lie inside its nodes. Leaves split when they are full and join when they have become small.

use crate::{history::History, key::Key, leaf::Leaf};
use std::{collections::BTreeMap, ops::Bound};

/// A leaf with no more keys than this is joined with a neighbour ...
const SMALL_KEYS: usize = 16;
/// ... if that has no more than this.
const JOIN_KEYS: usize = 64;
/// A tree that is built at once gets leaves with so many keys.
const BUILD_KEYS: usize = 112;

/// Histories in order of their keys.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Each leaf holds the keys from its bound up to the next one's. The first bound is the empty key.
    leaves: BTreeMap<Key, Box<Leaf>>,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { leaves: BTreeMap::from([(Key::new(b""), Box::default())]) }
    }
}

impl Tree {
    /// The leaf in whose range `key` lies.
    pub(crate) fn leaf(&self, key: &[u8]) -> &Leaf {
        let mut leaves = self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(key)));
        leaves.next_back().expect("the first bound is below every key").1
    }

    /// As [`Tree::leaf`].
    pub(crate) fn leaf_mut(&mut self, key: &[u8]) -> &mut Leaf {
        let mut leaves = self.leaves.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key)));
        leaves.next_back().expect("the first bound is below every key").1
    }

    /// The leaves behind the one of `key`, with their bounds.
    pub(crate) fn leaves_behind(&self, key: &[u8]) -> impl Iterator<Item = (&Key, &Leaf)> {
        let leaves = self.leaves.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        leaves.map(|(bound, leaf)| (bound, &**leaf))
    }

    /// The leaves that may hold keys below `key` (any, for `None`), last one first.
    pub(crate) fn leaves_before(&self, key: Option<&[u8]>) -> impl Iterator<Item = (&Key, &Leaf)> {
        let upper = key.map_or(Bound::Unbounded, Bound::Excluded);
        let leaves = self.leaves.range::<[u8], _>((Bound::Unbounded, upper));
        leaves.rev().map(|(bound, leaf)| (bound, &**leaf))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&History> {
        let leaf = self.leaf(key);
        leaf.search(key).ok().map(|at| leaf.history(at))
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, key: &[u8], history: History) {
        let leaf = self.leaf_mut(key);
        if leaf.is_full() {
            let (bound, right) = leaf.split(key);
            self.leaves.insert(Key::new(&bound), Box::new(right));
        }
        let leaf = self.leaf_mut(key);
        let at = leaf.count_below(key);
        leaf.insert(at, key, history);
    }

    /// Takes a key out, if it is there.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        let leaf = self.leaf_mut(key);
        let Ok(at) = leaf.search(key) else { return };
        leaf.remove(at);
        if leaf.len() <= SMALL_KEYS {
            self.join(key);
        }
    }

    /// Joins the small leaf of `key` with the one before or behind it, if that has room.
    fn join(&mut self, key: &[u8]) {
        let joinable = |(bound, leaf): (&Key, &Leaf)| (leaf.len() <= JOIN_KEYS).then(|| bound.clone());
        let after_key = [key, &[0]].concat();
        let mut before = self.leaves_before(Some(&after_key));
        let own = before.next().map(|(bound, _)| bound.clone());
        let left = before.next().and_then(joinable);
        drop(before);
        let (left, right) = match left {
            Some(left) => (Some(left), own),
            None => (own, self.leaves_behind(key).next().and_then(joinable)),
        };
        if let (Some(left), Some(right)) = (left, right)
            && let Some(right) = self.leaves.remove(&right)
        {
            self.leaf_mut(left.as_slice()).append(*right);
        }
    }

    /// A tree of keys that come in ascending order.
    pub(crate) fn from_sorted<'k>(keys: impl Iterator<Item = (&'k [u8], History)>) -> Tree {
        let mut tree = Tree::default();
        let mut last = Leaf::default();
        let mut bound = Vec::new();
        for (key, history) in keys {
            if last.len() >= BUILD_KEYS || last.is_full() {
                let (next_bound, next) = last.split(key);
                last.shrink();
                let full = std::mem::replace(&mut last, next);
                let bound = std::mem::replace(&mut bound, next_bound);
                tree.leaves.insert(Key::new(&bound), Box::new(full));
            }
            last.insert(last.len(), key, history);
        }
        last.shrink();
        tree.leaves.insert(Key::new(&bound), Box::new(last));
        tree
    }

    /// Number of live keys.
    pub(crate) fn live(&self) -> i64 {
        self.leaves.values().map(|leaf| i64::from(leaf.live())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;
    use proptest::prelude::*;
    use std::collections::btree_map::Entry;

    fn history(main: i64) -> History {
        History::new(main, log::Entry { main, version: 1, sub: 0, leased: false })
    }

    /// Keys that share prefixes of all lengths, with zero bytes and prefixes of each other among them.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        let tail = prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xff]), 0..12);
        (prop::sample::select(vec!["", "/", "/registry/pods/", "/registry/pods/default/"]), tail)
            .prop_map(|(head, tail)| [head.as_bytes(), &tail].concat())
    }

    fn check(tree: &Tree, model: &BTreeMap<Vec<u8>, i64>) {
        let all = tree.leaf(b"");
        let leaves = std::iter::once(all).chain(tree.leaves_behind(b"").map(|(_, leaf)| leaf));
        let mut found = Vec::new();
        for leaf in leaves {
            assert!(leaf.len() <= crate::leaf::LEAF_KEYS);
            found.extend((0..leaf.len()).map(|at| (leaf.key(at).to_vec(), leaf.history(at).modified().main)));
        }
        assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
        let mut backwards: Vec<_> = tree
            .leaves_before(None)
            .flat_map(|(_, leaf)| (0..leaf.len()).rev().map(|at| leaf.key(at).to_vec()))
            .collect();
        backwards.reverse();
        assert_eq!(backwards, model.keys().cloned().collect::<Vec<_>>());
        assert_eq!(tree.live(), model.len() as i64);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_an_ordered_map(
            steps in prop::collection::vec((key(), 0..3u8), 0..900),
            probes in prop::collection::vec(key(), 20),
            doomed in prop::collection::vec(any::<prop::sample::Index>(), 700),
        ) {
            let (mut tree, mut model) = (Tree::default(), BTreeMap::new());
            for (main, (key, what)) in steps.into_iter().enumerate() {
                let main = main as i64 + 1;
                if what == 0 {
                    tree.remove(&key);
                    model.remove(&key);
                } else if let Entry::Vacant(vacant) = model.entry(key) {
                    tree.insert(vacant.key(), history(main));
                    vacant.insert(main);
                }
            }
            check(&tree, &model);
            let built = Tree::from_sorted(model.iter().map(|(key, main)| (&key[..], history(*main))));
            check(&built, &model);
            for probe in probes {
                let found = tree.get(&probe).map(|history| history.modified().main);
                prop_assert_eq!(found, model.get(&probe).copied());
                let leaf = tree.leaf(&probe);
                let below = (0..leaf.len()).filter(|at| leaf.key(*at).to_vec() < probe).count();
                prop_assert_eq!(leaf.count_below(&probe), below);
            }
            for index in doomed {
                if model.is_empty() {
                    break;
                }
                let key = model.keys().nth(index.index(model.len())).expect("not empty").clone();
                tree.remove(&key);
                model.remove(&key);
            }
            check(&tree, &model);
        }
    }

    #[test]
    fn ascending_keys_fill_their_leaves_and_removal_joins_them() {
        let mut tree = Tree::default();
        let key = |number: usize| format!("key/{number:08}").into_bytes();
        (0..10_000).for_each(|number| tree.insert(&key(number), history(1)));
        assert_eq!(tree.leaves.len(), 10_000usize.div_ceil(crate::leaf::LEAF_KEYS));
        (0..10_000).filter(|number| number % 100 != 0).for_each(|number| tree.remove(&key(number)));
        assert!(tree.leaves.len() < 12, "{} leaves for 100 keys", tree.leaves.len());
    }
}
