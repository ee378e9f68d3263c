//! The index: from a key to the revisions of its records.
//!
//! One sorted tree behind one lock. Nobody holds the lock for long: a writer takes it for one key, a reader
//! that goes through a range ([`Walk`]) takes it for a handful of keys at a time and finds its place again by
//! the last key. What changes between two handfuls does not matter to it: versions that are newer than its
//! revision are not looked at, and versions that it needs are not compacted away while its revision is pinned.

use crate::{
    history::{History, Place},
    key::Key,
    log::{Entry, Garbage},
    span::Span,
};
use oxetcd_api::Revision;
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::atomic::{AtomicI64, Ordering},
};

/// Keys that a reader looks at under one hold of the lock when it takes something of each.
pub(crate) const WALK_KEYS: usize = 128;
/// As [`WALK_KEYS`], when it only counts.
pub(crate) const COUNT_KEYS: usize = 1024;

type Map = BTreeMap<Key, History>;

/// All keys that are live or have versions that are not compacted away.
#[derive(Default)]
pub(crate) struct Index {
    map: RwLock<Map>,
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

impl Index {
    pub(crate) fn from_sorted(map: Map) -> Self {
        let live = map.values().filter(|history| history.newest().is_some()).count() as i64;
        Index { map: RwLock::new(map), live: AtomicI64::new(live) }
    }

    /// Number of live keys.
    pub(crate) fn live(&self) -> i64 {
        self.live.load(Ordering::Relaxed)
    }

    /// The version of `key` that a reader at revision `main` sees.
    pub(crate) fn get(&self, key: &[u8], main: i64) -> Option<Place> {
        self.map.read().get(key)?.at(main)
    }

    /// Adds a put of `key`, newer than all that is there.
    pub(crate) fn put(&self, key: &[u8], main: i64, sub: u32, leased: bool) -> Put {
        let mut map = self.map.write();
        let Some(history) = map.get_mut(key) else {
            let entry = Entry { main, version: 1, sub, leased };
            map.insert(Key::new(key), History::new(main, entry));
            drop(map);
            self.live.fetch_add(1, Ordering::Relaxed);
            let place = Place { revision: entry.revision(), created: main, version: 1, leased };
            return Put { place, leased_before: None };
        };
        let before = history.newest();
        let place = history.put(main, sub, leased);
        drop(map);
        if before.is_none() {
            self.live.fetch_add(1, Ordering::Relaxed);
        }
        let leased_before = before.filter(|before| before.leased).map(|before| before.revision);
        Put { place, leased_before }
    }

    /// Adds tombstones to live keys of `span` from `main`, `sub` on. Looks at no more than `keys_max` keys;
    /// `visit` gets each deleted key with the version that it had. Returns the key to go on from.
    pub(crate) fn delete(
        &self,
        span: Span<'_>,
        from: Bound<&[u8]>,
        main: i64,
        sub: u32,
        visit: &mut dyn FnMut(&[u8], Place, u32),
    ) -> Option<Vec<u8>> {
        let bounds = bounds(span, from)?;
        let mut deleted = 0;
        let mut map = self.map.write();
        let mut range = map.range_mut::<[u8], _>(bounds);
        let mut last = None;
        for (key, history) in range.by_ref().take(WALK_KEYS) {
            if let Some(place) = history.newest() {
                history.delete(main, sub + deleted);
                visit(key.as_slice(), place, sub + deleted);
                deleted += 1;
            }
            last = Some(key);
        }
        self.live.fetch_sub(i64::from(deleted), Ordering::Relaxed);
        range.next().and(last).map(|key| key.as_slice().to_vec())
    }

    /// The record of `key` that a compaction at `main` keeps.
    pub(crate) fn kept(&self, key: &[u8], main: i64) -> Option<Entry> {
        self.map.read().get(key)?.kept(main)
    }

    /// Whether a compaction at `main` keeps any record, tombstones counted or not.
    pub(crate) fn keeps_any(&self, main: i64, tombstones: bool) -> bool {
        let mut from: Option<Vec<u8>> = None;
        loop {
            let map = self.map.read();
            let lower = from.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut range = map.range::<[u8], _>((lower, Bound::Unbounded));
            let mut last = None;
            for (key, history) in range.by_ref().take(WALK_KEYS) {
                if history.kept(main).is_some_and(|entry| tombstones || !entry.is_tombstone()) {
                    return true;
                }
                last = Some(key.as_slice().to_vec());
            }
            if last.is_none() {
                return false;
            }
            from = last;
        }
    }

    /// Forgets the versions of `keys` that a compaction at `main` removes.
    pub(crate) fn compact<'a>(&self, keys: impl Iterator<Item = &'a [u8]>, main: i64) {
        let mut garbage = Garbage::new();
        let mut map = self.map.write();
        for key in keys {
            if map.get_mut(key).is_some_and(|history| !history.compact(main, &mut garbage)) {
                map.remove(key);
            }
        }
        // The lock goes before the garbage does.
        drop(map);
    }
}

/// Where a range of the tree begins and ends.
type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The bounds for a tree's range; `None` when nothing can lie between (the tree would panic).
fn bounds<'a>(span: Span<'a>, from: Bound<&'a [u8]>) -> Option<Bounds<'a>> {
    let lower = match from {
        Bound::Unbounded => Bound::Included(span.start),
        from => from,
    };
    let (Bound::Included(start) | Bound::Excluded(start)) = lower else { return None };
    let some = span.end.is_none_or(|end| start < end);
    some.then_some((lower, span.end.map_or(Bound::Unbounded, Bound::Excluded)))
}

/// A reader's way through a range, in key order or against it.
pub(crate) struct Walk<'a> {
    index: &'a Index,
    span: Span<'a>,
    main: i64,
    descending: bool,
    /// The last key looked at.
    last: Vec<u8>,
    started: bool,
}

impl<'a> Walk<'a> {
    /// A walk over the keys of `span` that are live at revision `main`, which must be pinned.
    pub(crate) fn new(index: &'a Index, span: Span<'a>, main: i64, descending: bool) -> Self {
        Walk { index, span, main, descending, last: Vec::new(), started: false }
    }

    /// Looks at no more than `keys_max` keys under the lock and shows the live ones to `visit`, which may stop
    /// the handful after the key that it was shown. `false` when the range is at its end.
    pub(crate) fn next(
        &mut self,
        keys_max: usize,
        mut visit: impl FnMut(&[u8], Place) -> ControlFlow<()>,
    ) -> bool {
        let ends = if self.started && self.descending {
            bounds(Span { start: self.span.start, end: Some(&self.last) }, Bound::Unbounded)
        } else if self.started {
            bounds(self.span, Bound::Excluded(&self.last))
        } else {
            bounds(self.span, Bound::Unbounded)
        };
        let Some(ends) = ends else { return false };
        let map = self.index.map.read();
        let range = map.range::<[u8], _>(ends);
        let (last, more) = if self.descending {
            handful(range.rev(), self.main, keys_max, &mut visit)
        } else {
            handful(range, self.main, keys_max, &mut visit)
        };
        if let Some(last) = last {
            self.last.clear();
            self.last.extend_from_slice(last.as_slice());
            self.started = true;
        }
        more
    }
}

/// Visits the live ones of up to `keys_max` keys. Returns the last key looked at, and whether there may be more.
fn handful<'m>(
    keys: impl Iterator<Item = (&'m Key, &'m History)>,
    main: i64,
    keys_max: usize,
    visit: &mut impl FnMut(&[u8], Place) -> ControlFlow<()>,
) -> (Option<&'m Key>, bool) {
    let mut last = None;
    let mut seen = 0;
    for (key, history) in keys {
        last = Some(key);
        if let Some(place) = history.at(main)
            && visit(key.as_slice(), place).is_break()
        {
            return (last, true);
        }
        seen += 1;
        if seen == keys_max {
            return (last, true);
        }
    }
    (last, false)
}
