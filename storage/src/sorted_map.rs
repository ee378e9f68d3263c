//! A sorted map whose copies are free: the common ground of the in-memory engine and the write buffer.
//!
//! Entries lie in leaves of a few dozen, leaves in a list, and both are shared between copies until one of
//! them is written: that one copies the leaf and the list (an eightieth of the entries, as pointers). So a
//! reader takes a copy under a lock for an instant and then reads as long as it likes.

use bytes::Bytes;
use std::sync::Arc;

/// Entries of a full leaf.
const LEAF_MAX: usize = 64;

type Leaf<V> = Vec<(Bytes, V)>;

/// A sorted map from byte keys to `V`; a copy costs as much as a pointer's.
pub(crate) struct SortedMap<V> {
    /// In order, none of them empty.
    leaves: Arc<Vec<Arc<Leaf<V>>>>,
}

impl<V> Default for SortedMap<V> {
    fn default() -> Self {
        SortedMap { leaves: Arc::default() }
    }
}

impl<V> Clone for SortedMap<V> {
    fn clone(&self) -> Self {
        SortedMap { leaves: self.leaves.clone() }
    }
}

impl<V: Clone> SortedMap<V> {
    /// The lowest key.
    pub(crate) fn first_key(&self) -> Option<&Bytes> {
        Some(&self.leaves.first()?.first()?.0)
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let leaf = self.leaves.get(self.leaf_of(key)?)?;
        let at = leaf.binary_search_by(|(found, _)| found[..].cmp(key)).ok()?;
        Some(&leaf[at].1)
    }

    /// Sets `key`; returns its value until now.
    pub(crate) fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        let at_leaf = self.leaf_of(&key);
        let leaves = Arc::make_mut(&mut self.leaves);
        let Some(at_leaf) = at_leaf else {
            leaves.insert(0, Arc::new(vec![(key, value)]));
            return None;
        };
        let is_last_leaf = at_leaf + 1 == leaves.len();
        let leaf = &mut leaves[at_leaf];
        let at = match leaf.binary_search_by(|(found, _)| found.cmp(&key)) {
            Ok(at) => return Some(std::mem::replace(&mut Arc::make_mut(leaf)[at].1, value)),
            Err(at) => at,
        };
        if leaf.len() < LEAF_MAX {
            Arc::make_mut(leaf).insert(at, (key, value));
            return None;
        }
        // Keys that come in order fill every leaf to the brim.
        let keep = if is_last_leaf && at == leaf.len() { leaf.len() } else { leaf.len() / 2 };
        let low = Arc::make_mut(leaf);
        let mut high = low.split_off(keep);
        match at.checked_sub(keep) {
            Some(at) => high.insert(at, (key, value)),
            None => low.insert(at, (key, value)),
        }
        leaves.insert(at_leaf + 1, Arc::new(high));
        None
    }

    /// Removes `key`; returns its value.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let at_leaf = self.leaf_of(key)?;
        let at = self.leaves[at_leaf].binary_search_by(|(found, _)| found[..].cmp(key)).ok()?;
        let leaves = Arc::make_mut(&mut self.leaves);
        let (_, value) = Arc::make_mut(&mut leaves[at_leaf]).remove(at);
        let len = leaves[at_leaf].len();
        if len == 0 {
            leaves.remove(at_leaf);
        } else if leaves.get(at_leaf + 1).is_some_and(|next| len + next.len() <= LEAF_MAX / 2) {
            let next = leaves.remove(at_leaf + 1);
            Arc::make_mut(&mut leaves[at_leaf]).extend(next.iter().cloned());
        }
        Some(value)
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.leaves.iter().flat_map(|leaf| leaf.iter()).map(|(key, value)| (key, value))
    }

    /// Entries from `from` (included) up to `to` (excluded; `None`: all the rest), in order.
    pub(crate) fn range<'m>(
        &'m self,
        from: &[u8],
        to: Option<&'m [u8]>,
    ) -> impl Iterator<Item = (&'m Bytes, &'m V)> + use<'m, V> {
        let at_leaf = self.leaf_of(from).unwrap_or(0);
        let at = self.leaves.get(at_leaf).map_or(0, |leaf| leaf.partition_point(|(key, _)| key < from));
        let leaves = self.leaves.iter().skip(at_leaf);
        let entries = leaves.flat_map(|leaf| leaf.iter()).skip(at).map(|(key, value)| (key, value));
        entries.take_while(move |(key, _)| to.is_none_or(|to| &key[..] < to))
    }

    /// The leaf where `key` is if it is anywhere; `None` in an empty map.
    fn leaf_of(&self, key: &[u8]) -> Option<usize> {
        let last = self.leaves.len().checked_sub(1)?;
        // New revisions come last.
        if self.leaves[last][0].0 <= key {
            return Some(last);
        }
        Some(self.leaves.partition_point(|leaf| leaf[0].0 <= key).saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

    fn entries(map: &SortedMap<u16>) -> Vec<(Bytes, u16)> {
        map.iter().map(|(key, value)| (key.clone(), *value)).collect()
    }

    fn key(n: u16) -> Bytes {
        Bytes::copy_from_slice(&n.to_be_bytes())
    }

    proptest! {
        /// Sets and removals, in order and at random, leave what they leave in a `BTreeMap`; copies keep what
        /// they had.
        #[test]
        fn is_a_map(
            ordered in 0..300_u16,
            changes in vec((0..600_u16, proptest::option::weighted(0.5, any::<u16>())), 0..900),
            from in 0..650_u16,
            to in proptest::option::of(0..650_u16),
        ) {
            let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
            (0..ordered).for_each(|n| assert_eq!(map.insert(key(n), n), model.insert(key(n), n)));
            let (copy, copied) = (map.clone(), model.clone());
            for (n, value) in changes {
                match value {
                    Some(value) => prop_assert_eq!(map.insert(key(n), value), model.insert(key(n), value)),
                    None => prop_assert_eq!(map.remove(&key(n)), model.remove(&key(n))),
                }
                prop_assert_eq!(map.get(&key(n)), model.get(&key(n)));
            }
            prop_assert_eq!(entries(&copy), copied.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(entries(&map), model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(map.first_key(), model.first_key_value().map(|(key, _)| key));
            let (from, to) = (key(from), to.map(key));
            let inside = |key: &Bytes| *key >= from && to.as_ref().is_none_or(|to| key < to);
            let wanted: Vec<_> = model.keys().filter(|key| inside(key)).cloned().collect();
            let found: Vec<_> = map.range(&from, to.as_deref()).map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
