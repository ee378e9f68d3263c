//! The index: from a key to the revisions of its records.
//!
//! One tree behind one lock. Nobody holds the lock for long: a writer takes it for one key, a reader that goes
//! through a range ([`Walk`]) takes it for a handful of keys at a time and finds its place again by a key.
//! What changes between two handfuls does not matter to it: versions that are newer than its revision are not
//! looked at, and versions that it needs are not compacted away while its revision is pinned.

use crate::{
    history::{History, Place},
    leaf::{KeyRef, LEAF_KEYS, Leaf},
    log::{Entry, Garbage},
    span::Span,
    tree::Tree,
};
use oxetcd_api::Revision;
use parking_lot::RwLock;
use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicI64, Ordering},
};

/// Keys that a reader looks at under one hold of the lock, give or take those of a leaf.
pub(crate) const WALK_KEYS: usize = LEAF_KEYS;
/// Keys or whole leaves that a reader counts under one hold of the lock.
const COUNT_STEPS: usize = 512;

/// All keys that are live or have versions that are not compacted away.
#[derive(Default)]
pub(crate) struct Index {
    tree: RwLock<Tree>,
    /// Number of keys that are live now.
    live: AtomicI64,
}

/// What a put changed in the index.
pub(crate) struct Put {
    /// What the new record must say.
    pub(crate) place: Place,
    /// Record of the old version if that had a lease.
    pub(crate) leased_before: Option<Revision>,
}

/// Gets each deleted key, the version that it had, and the number of its deletion.
pub(crate) type VisitDeleted<'v> = dyn FnMut(KeyRef<'_>, Place, u32) + 'v;

impl Index {
    pub(crate) fn new(tree: Tree) -> Self {
        let live = AtomicI64::new(tree.live());
        Index { tree: RwLock::new(tree), live }
    }

    /// Number of live keys.
    pub(crate) fn live(&self) -> i64 {
        self.live.load(Ordering::Relaxed)
    }

    /// The version of `key` that a reader at revision `main` sees.
    pub(crate) fn get(&self, key: &[u8], main: i64) -> Option<Place> {
        self.tree.read().get(key)?.at(main)
    }

    /// Adds a put of `key`, newer than all that is there.
    pub(crate) fn put(&self, key: &[u8], main: i64, sub: u32, leased: bool) -> Put {
        let mut tree = self.tree.write();
        let leaf = tree.leaf_mut(key);
        let (before, place) = match leaf.search(key) {
            Ok(at) => leaf.put(at, main, sub, leased),
            Err(_) => {
                let entry = Entry { main, version: 1, sub, leased };
                tree.insert(key, History::new(main, entry));
                (None, Place { revision: entry.revision(), created: main, version: 1, leased })
            }
        };
        drop(tree);
        if before.is_none() {
            self.live.fetch_add(1, Ordering::Relaxed);
        }
        let leased_before = before.filter(|before| before.leased).map(|before| before.revision);
        Put { place, leased_before }
    }

    /// Adds tombstones, numbered from `main`, `sub` on, to the live keys of one leaf: the first of `span`.
    /// Returns the key to go on from.
    pub(crate) fn delete(
        &self,
        span: Span<'_>,
        main: i64,
        sub: u32,
        visit: &mut VisitDeleted<'_>,
    ) -> Option<Vec<u8>> {
        if span.is_empty() {
            return None;
        }
        let mut deleted = 0;
        let mut tree = self.tree.write();
        let leaf = tree.leaf_mut(span.start);
        let end = span.end.map_or(leaf.len(), |end| leaf.count_below(end));
        for at in leaf.count_below(span.start)..end {
            if let Some(before) = leaf.delete(at, main, sub + deleted) {
                visit(leaf.key(at), before, sub + deleted);
                deleted += 1;
            }
        }
        self.live.fetch_sub(i64::from(deleted), Ordering::Relaxed);
        let next = tree.leaves_behind(span.start).next().map(|(bound, _)| bound.as_slice());
        next.filter(|next| span.end.is_none_or(|end| *next < end)).map(<[u8]>::to_vec)
    }

    /// The record of `key` that a compaction at `main` keeps.
    pub(crate) fn kept(&self, key: &[u8], main: i64) -> Option<Entry> {
        self.tree.read().get(key)?.kept(main)
    }

    /// Whether a compaction at `main` keeps any record, tombstones counted or not.
    pub(crate) fn keeps_any(&self, main: i64, tombstones: bool) -> bool {
        let everything = Span { start: b"", end: None };
        let (mut walk, mut found) = (Walk::new(self, everything, main, false), false);
        while walk.next_raw(WALK_KEYS, &mut |leaf, at| {
            found = leaf.history(at).kept(main).is_some_and(|entry| tombstones || !entry.is_tombstone());
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }) {}
        found
    }

    /// Forgets the versions of `keys` that a compaction at `main` removes.
    pub(crate) fn compact<'a>(&self, keys: impl Iterator<Item = &'a [u8]>, main: i64) {
        let mut garbage = Garbage::new();
        let mut tree = self.tree.write();
        for key in keys {
            let leaf = tree.leaf_mut(key);
            if leaf.search(key).is_ok_and(|at| !leaf.compact(at, main, &mut garbage)) {
                tree.remove(key);
            }
        }
        // The lock goes before the garbage does.
        drop(tree);
    }
}

/// A reader's way through a range, in key order or against it.
pub(crate) struct Walk<'a> {
    index: &'a Index,
    span: Span<'a>,
    main: i64,
    descending: bool,
    /// Where to go on: the next key ascending, the bound of what is left descending.
    next: Option<Vec<u8>>,
}

impl<'a> Walk<'a> {
    /// A walk over the keys of `span` that are live at revision `main`, which must be pinned.
    pub(crate) fn new(index: &'a Index, span: Span<'a>, main: i64, descending: bool) -> Self {
        Walk { index, span, main, descending, next: None }
    }

    /// Shows the live ones of about `keys_max` keys to `visit`, under the lock. `false` when the range is at
    /// its end, or when `visit` has ended the walk.
    pub(crate) fn next(
        &mut self,
        keys_max: usize,
        mut visit: impl FnMut(KeyRef<'_>, Place) -> ControlFlow<()>,
    ) -> bool {
        let main = self.main;
        self.next_raw(keys_max, &mut |leaf, at| match leaf.history(at).at(main) {
            Some(place) => visit(leaf.key(at), place),
            None => ControlFlow::Continue(()),
        })
    }

    fn next_raw(&mut self, keys_max: usize, visit: &mut impl FnMut(&Leaf, usize) -> ControlFlow<()>) -> bool {
        if self.span.is_empty() {
            return false;
        }
        let tree = self.index.tree.read();
        self.next = if self.descending {
            self.descend(&tree, keys_max, visit)
        } else {
            self.ascend(&tree, keys_max, visit)
        };
        self.next.is_some()
    }

    fn ascend(
        &self,
        tree: &Tree,
        keys_max: usize,
        visit: &mut impl FnMut(&Leaf, usize) -> ControlFlow<()>,
    ) -> Option<Vec<u8>> {
        let from = self.next.as_deref().unwrap_or(self.span.start);
        let mut behind = tree.leaves_behind(from);
        let mut leaf = tree.leaf(from);
        let (mut start, mut seen) = (leaf.count_below(from), 0);
        loop {
            let end = self.span.end.map_or(leaf.len(), |end| leaf.count_below(end));
            for at in start..end {
                if visit(leaf, at).is_break() {
                    return None;
                }
            }
            seen += end - start;
            let (bound, next) = behind.next()?;
            if self.span.end.is_some_and(|end| end <= bound.as_slice()) {
                return None;
            }
            if seen >= keys_max {
                return Some(bound.as_slice().to_vec());
            }
            (leaf, start) = (next, 0);
        }
    }

    fn descend(
        &self,
        tree: &Tree,
        keys_max: usize,
        visit: &mut impl FnMut(&Leaf, usize) -> ControlFlow<()>,
    ) -> Option<Vec<u8>> {
        let upper = self.next.as_deref().or(self.span.end);
        let mut seen = 0;
        for (bound, leaf) in tree.leaves_before(upper) {
            let start = leaf.count_below(self.span.start);
            let end = upper.map_or(leaf.len(), |upper| leaf.count_below(upper));
            for at in (start..end).rev() {
                if visit(leaf, at).is_break() {
                    return None;
                }
            }
            seen += end.saturating_sub(start);
            if bound.as_slice() <= self.span.start {
                return None;
            }
            if seen >= keys_max {
                return Some(bound.as_slice().to_vec());
            }
        }
        None
    }

    /// Counts the live keys from where the walk stands to the end of the range; ascending only. Looks into a
    /// leaf only if the range ends in it or if it changed after the walk's revision.
    pub(crate) fn count_rest(mut self) -> i64 {
        let mut count = 0;
        if self.span.is_empty() {
            return count;
        }
        loop {
            let tree = self.index.tree.read();
            let from = self.next.as_deref().unwrap_or(self.span.start);
            self.next = self.count_some(&tree, from, &mut count);
            if self.next.is_none() {
                return count;
            }
        }
    }

    fn count_some(&self, tree: &Tree, from: &[u8], count: &mut i64) -> Option<Vec<u8>> {
        let mut behind = tree.leaves_behind(from);
        let mut leaf = tree.leaf(from);
        let (mut start, mut steps) = (leaf.count_below(from), 0);
        loop {
            let end = self.span.end.map_or(leaf.len(), |end| leaf.count_below(end));
            if end - start == leaf.len() && leaf.newest() <= self.main {
                *count += i64::from(leaf.live());
                steps += 1;
            } else {
                let live = (start..end).filter(|at| leaf.history(*at).at(self.main).is_some());
                *count += live.count() as i64;
                steps += end - start;
            }
            let (bound, next) = behind.next()?;
            if self.span.end.is_some_and(|end| end <= bound.as_slice()) {
                return None;
            }
            if steps >= COUNT_STEPS {
                return Some(bound.as_slice().to_vec());
            }
            (leaf, start) = (next, 0);
        }
    }
}
