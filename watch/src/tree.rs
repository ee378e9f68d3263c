//! Which ranges hold a key?
//!
//! A treap over intervals of keys: a search tree ordered by start and end, kept in balance by a random
//! priority a node, where each node also knows the greatest end below it. A lookup goes left while some
//! interval there can still reach the key, and stops going right once the starts are past it, so it costs
//! about the logarithm of the number of intervals plus the intervals found.

use bytes::Bytes;
use slab::Slab;
use std::cmp::Ordering;

/// Excluded upper bound of an interval; `None` is "no bound".
pub(crate) type End = Option<Bytes>;

/// No node.
const NIL: usize = usize::MAX;

struct Node {
    start: Bytes,
    end: End,
    /// The greatest end of this node and all below.
    reach: End,
    value: usize,
    priority: u64,
    left: usize,
    right: usize,
}

/// A set of distinct intervals, each with a value.
pub(crate) struct IntervalTree {
    nodes: Slab<Node>,
    root: usize,
    seed: u64,
}

impl IntervalTree {
    pub(crate) fn new() -> Self {
        IntervalTree { nodes: Slab::new(), root: NIL, seed: 0 }
    }

    /// Adds `start..end`, which must not be there yet.
    pub(crate) fn insert(&mut self, start: Bytes, end: End, value: usize) {
        let priority = self.next_priority();
        let reach = end.clone();
        let node = self.nodes.insert(Node { start, end, reach, value, priority, left: NIL, right: NIL });
        let (left, right) = self.split(self.root, node);
        let left = self.merge(left, node);
        self.root = self.merge(left, right);
    }

    /// Takes `start..end` out, if it is there.
    pub(crate) fn remove(&mut self, start: &[u8], end: &End) {
        self.root = self.remove_below(self.root, start, end);
    }

    /// Calls `visit` with the value of each interval that holds `key`, in order of start and end.
    pub(crate) fn stab(&self, key: &[u8], visit: &mut impl FnMut(usize)) {
        self.stab_below(self.root, key, visit);
    }

    fn stab_below(&self, at: usize, key: &[u8], visit: &mut impl FnMut(usize)) {
        let Some(node) = self.nodes.get(at) else { return };
        if !ends_after(&node.reach, key) {
            return;
        }
        self.stab_below(node.left, key, visit);
        if node.start[..] <= *key {
            if ends_after(&node.end, key) {
                visit(node.value);
            }
            self.stab_below(node.right, key, visit);
        }
    }

    /// Splits the tree below `at` into what is ordered before the node `pivot` and what is after it.
    fn split(&mut self, at: usize, pivot: usize) -> (usize, usize) {
        let Some(node) = self.nodes.get(at) else { return (NIL, NIL) };
        let (left, right) = (node.left, node.right);
        let new = &self.nodes[pivot];
        if order(&node.start, &node.end, &new.start, &new.end) == Ordering::Less {
            let (inner, after) = self.split(right, pivot);
            self.nodes[at].right = inner;
            self.update(at);
            (at, after)
        } else {
            let (before, inner) = self.split(left, pivot);
            self.nodes[at].left = inner;
            self.update(at);
            (before, at)
        }
    }

    /// Joins two trees of which the first is all ordered before the second.
    fn merge(&mut self, left: usize, right: usize) -> usize {
        if left == NIL {
            return right;
        }
        if right == NIL {
            return left;
        }
        if self.nodes[left].priority > self.nodes[right].priority {
            let below = self.merge(self.nodes[left].right, right);
            self.nodes[left].right = below;
            self.update(left);
            left
        } else {
            let below = self.merge(left, self.nodes[right].left);
            self.nodes[right].left = below;
            self.update(right);
            right
        }
    }

    fn remove_below(&mut self, at: usize, start: &[u8], end: &End) -> usize {
        let Some(node) = self.nodes.get(at) else { return NIL };
        let (left, right) = (node.left, node.right);
        match order(start, end, &node.start, &node.end) {
            Ordering::Equal => {
                self.nodes.remove(at);
                return self.merge(left, right);
            }
            Ordering::Less => self.nodes[at].left = self.remove_below(left, start, end),
            Ordering::Greater => self.nodes[at].right = self.remove_below(right, start, end),
        }
        self.update(at);
        at
    }

    /// Computes `reach` again from the node itself and its children.
    fn update(&mut self, at: usize) {
        let node = &self.nodes[at];
        let mut reach = &node.end;
        for child in [node.left, node.right] {
            if let Some(child) = self.nodes.get(child)
                && compare_ends(&child.reach, reach) == Ordering::Greater
            {
                reach = &child.reach;
            }
        }
        if *reach != node.reach {
            let reach = reach.clone();
            self.nodes[at].reach = reach;
        }
    }

    /// The next number of a splitmix64 sequence: spread evenly, and the same in every run.
    fn next_priority(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn ends_after(end: &End, key: &[u8]) -> bool {
    end.as_ref().is_none_or(|end| end[..] > *key)
}

fn compare_ends(a: &End, b: &End) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.cmp(b),
    }
}

fn order(start_a: &[u8], end_a: &End, start_b: &[u8], end_b: &End) -> Ordering {
    start_a.cmp(start_b).then_with(|| compare_ends(end_a, end_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A key of one or two letters of a small alphabet, so that intervals overlap and touch.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(b'a'..=b'e', 1..3)
    }

    proptest! {
        #[test]
        fn finds_what_a_list_finds(
            ops in prop::collection::vec((any::<bool>(), key(), prop::option::of(key())), 1..80),
            probes in prop::collection::vec(key(), 1..20),
        ) {
            let mut tree = IntervalTree::new();
            let mut list: Vec<(Vec<u8>, End, usize)> = Vec::new();
            for (number, (add, start, end)) in ops.into_iter().enumerate() {
                let end: End = end.map(Bytes::from);
                let known = list.iter().position(|(s, e, _)| *s == start && *e == end);
                match (add, known) {
                    (true, None) => {
                        tree.insert(Bytes::from(start.clone()), end.clone(), number);
                        list.push((start, end, number));
                    }
                    (false, known) => {
                        tree.remove(&start, &end);
                        known.map(|at| list.remove(at));
                    }
                    (true, Some(_)) => {}
                }
                prop_assert_eq!(tree.nodes.len(), list.len());
            }
            for probe in probes {
                let mut found = Vec::new();
                tree.stab(&probe, &mut |value| found.push(value));
                let mut expected: Vec<usize> = list
                    .iter()
                    .filter(|(start, end, _)| *start <= probe && ends_after(end, &probe))
                    .map(|(_, _, value)| *value)
                    .collect();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn stays_shallow_when_ranges_come_in_order() {
        fn depth(tree: &IntervalTree, at: usize) -> usize {
            tree.nodes.get(at).map_or(0, |n| 1 + depth(tree, n.left).max(depth(tree, n.right)))
        }
        let mut tree = IntervalTree::new();
        for number in 0..10_000u32 {
            let start = Bytes::copy_from_slice(&number.to_be_bytes());
            let end = Bytes::copy_from_slice(&(number + 1).to_be_bytes());
            tree.insert(start, Some(end), number as usize);
        }
        assert!(depth(&tree, tree.root) < 50, "{}", depth(&tree, tree.root));
    }
}
