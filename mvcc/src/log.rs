//! The revisions of one key, oldest first.
//!
//! A put carries its version (1 creates the key, each further put adds one) and a tombstone carries 0, so
//! lifetimes ("generations") need no structure of their own: the one that entry `i` belongs to began
//! `version - 1` entries before it. Only for a key whose beginning was compacted away must the revision of
//! that beginning be remembered apart.
//!
//! A hot key can gather millions of entries between two compactions. They lie in segments, so that neither
//! growth nor pruning ever moves more than one segment while the index is locked.

use oxetcd_api::Revision;
use std::collections::VecDeque;

/// Entries of a full segment (6 KiB).
const SEGMENT_LEN: usize = 256;

/// One change of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) main: i64,
    /// How many puts since the key was created, this one included; 0 for a tombstone.
    pub(crate) version: i64,
    pub(crate) sub: u32,
    /// Whether the record names a lease.
    pub(crate) leased: bool,
}

impl Entry {
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(self.main, i64::from(self.sub))
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.version == 0
    }
}

/// What pruning cut off, to be dropped where no lock is held.
pub(crate) type Garbage = Vec<Box<[Entry]>>;

/// Entries in order of revision; never empty between two calls of the history that owns it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Log {
    /// `create_revision` of the lifetime that the first entry belongs to.
    created: i64,
    /// Pruned entries at the front of the first segment.
    skip: usize,
    full: VecDeque<Box<[Entry]>>,
    last: Vec<Entry>,
}

impl Log {
    pub(crate) fn new(created: i64, first: Entry) -> Self {
        let mut last = Vec::with_capacity(2);
        last.push(first);
        Log { created, skip: 0, full: VecDeque::new(), last }
    }

    pub(crate) fn len(&self) -> usize {
        self.full.len() * SEGMENT_LEN + self.last.len() - self.skip
    }

    /// Entry number `at`, which must be below `len`.
    pub(crate) fn get(&self, at: usize) -> &Entry {
        let place = at + self.skip;
        match self.full.get(place / SEGMENT_LEN) {
            Some(segment) => &segment[place % SEGMENT_LEN],
            None => &self.last[place - self.full.len() * SEGMENT_LEN],
        }
    }

    pub(crate) fn newest(&self) -> &Entry {
        self.get(self.len() - 1)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if self.last.len() == SEGMENT_LEN {
            let next = Vec::with_capacity(SEGMENT_LEN);
            self.full.push_back(std::mem::replace(&mut self.last, next).into_boxed_slice());
        }
        self.last.push(entry);
    }

    /// Number of the newest entry whose main revision is not above `main`.
    pub(crate) fn find(&self, main: i64) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        if self.newest().main <= main {
            return Some(high - 1);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).main <= main {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }

    /// `create_revision` of entry number `at`.
    pub(crate) fn created(&self, at: usize) -> i64 {
        let since = usize::try_from(self.get(at).version - 1).ok();
        since.and_then(|since| at.checked_sub(since)).map_or(self.created, |first| self.get(first).main)
    }

    /// Cuts off the first `count` entries; at least one must stay.
    pub(crate) fn prune(&mut self, count: usize) -> Garbage {
        if count == 0 {
            return Garbage::new();
        }
        self.created = self.created(count);
        self.skip += count;
        let segments = (self.skip / SEGMENT_LEN).min(self.full.len());
        let garbage = self.full.drain(..segments).collect();
        self.skip -= segments * SEGMENT_LEN;
        if self.full.is_empty() {
            self.last.drain(..self.skip);
            self.skip = 0;
            if self.last.capacity() > 4 * self.last.len() {
                self.last.shrink_to(2 * self.last.len());
            }
        }
        garbage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(main: i64, version: i64) -> Entry {
        Entry { main, version, sub: 0, leased: false }
    }

    #[test]
    fn finds_across_segments_and_after_pruning() {
        let mut log = Log::new(10, put(10, 1));
        let total = 5 * SEGMENT_LEN as i64 + 7;
        for n in 1..total {
            log.push(put(10 + 2 * n, n + 1));
        }
        let mut first = 0;
        for cut in [0, 1, 100, SEGMENT_LEN, SEGMENT_LEN - 1, 2 * SEGMENT_LEN + 3, 159] {
            log.prune(cut);
            first += cut as i64;
            assert_eq!(log.len() as i64, total - first);
            assert_eq!(log.find(10 + 2 * first - 1), None);
            for at in first..total {
                let place = (at - first) as usize;
                assert_eq!(log.find(10 + 2 * at), Some(place));
                assert_eq!(log.find(11 + 2 * at), Some(place));
                assert_eq!(*log.get(place), put(10 + 2 * at, at + 1));
                assert_eq!(log.created(place), 10);
            }
        }
    }

    #[test]
    fn lifetimes_follow_from_versions() {
        let mut log = Log::new(2, put(2, 1));
        for entry in [put(3, 2), put(4, 0), put(5, 1), put(6, 2), put(7, 3)] {
            log.push(entry);
        }
        let created = |log: &Log| -> Vec<i64> {
            (0..log.len()).filter(|at| !log.get(*at).is_tombstone()).map(|at| log.created(at)).collect()
        };
        assert_eq!(created(&log), [2, 2, 5, 5, 5]);
        log.prune(1);
        assert_eq!(created(&log), [2, 5, 5, 5]);
        log.prune(3);
        assert_eq!(created(&log), [5, 5]);
    }
}
