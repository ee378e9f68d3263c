//! Everything the index knows of one key.
//!
//! Most keys have one live version: that case takes 24 bytes in place. All others keep a [`Log`].

use crate::log::{Entry, Garbage, Log};
use oxetcd_api::Revision;
use std::num::NonZeroI64;

/// A live version of a key: where its record is, and what of the record the index knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) revision: Revision,
    /// `create_revision` of the record.
    pub(crate) created: i64,
    /// `version` of the record.
    pub(crate) version: i64,
    /// Whether the record names a lease.
    pub(crate) leased: bool,
}

/// One live version whose numbers are small enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct One {
    main: NonZeroI64,
    created: i64,
    version: u32,
    /// `sub` doubled, plus one if the record names a lease.
    sub_leased: u32,
}

impl One {
    fn new(created: i64, entry: &Entry) -> Option<One> {
        let main = NonZeroI64::new(entry.main)?;
        let version = u32::try_from(entry.version).ok().filter(|version| *version > 0)?;
        let sub_leased = entry.sub.checked_mul(2)? + u32::from(entry.leased);
        Some(One { main, created, version, sub_leased })
    }

    fn entry(&self) -> Entry {
        Entry {
            main: self.main.get(),
            version: i64::from(self.version),
            sub: self.sub_leased / 2,
            leased: self.sub_leased % 2 == 1,
        }
    }
}

fn place(created: i64, entry: &Entry) -> Option<Place> {
    let live = !entry.is_tombstone();
    live.then(|| Place { revision: entry.revision(), created, version: entry.version, leased: entry.leased })
}

/// The versions of one key that are not compacted away; at least one.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) enum History {
    /// A single live version.
    One(One),
    /// Anything else.
    Many(Box<Log>),
}

impl History {
    /// A history that begins with `entry`, of a lifetime that began at `created`.
    pub(crate) fn new(created: i64, entry: Entry) -> Self {
        match One::new(created, &entry) {
            Some(one) => History::One(one),
            None => History::Many(Box::new(Log::new(created, entry))),
        }
    }

    /// The version that a reader at revision `main` sees.
    pub(crate) fn at(&self, main: i64) -> Option<Place> {
        match self {
            History::One(one) if one.main.get() <= main => place(one.created, &one.entry()),
            History::One(_) => None,
            History::Many(log) => {
                let at = log.find(main)?;
                place(log.created(at), log.get(at))
            }
        }
    }

    /// The version after all changes.
    pub(crate) fn newest(&self) -> Option<Place> {
        self.at(i64::MAX)
    }

    /// Revision of the latest change, also if that was a deletion.
    pub(crate) fn modified(&self) -> Revision {
        match self {
            History::One(one) => one.entry().revision(),
            History::Many(log) => log.newest().revision(),
        }
    }

    /// Adds a put; returns what its record must say.
    pub(crate) fn put(&mut self, main: i64, sub: u32, leased: bool) -> Place {
        let (created, version) = match self.newest() {
            Some(old) => (old.created, old.version + 1),
            None => (main, 1),
        };
        let entry = Entry { main, version, sub, leased };
        self.push(entry);
        Place { revision: entry.revision(), created, version, leased }
    }

    /// Adds a tombstone behind a live version.
    pub(crate) fn delete(&mut self, main: i64, sub: u32) {
        self.push(Entry { main, version: 0, sub, leased: false });
    }

    fn push(&mut self, entry: Entry) {
        match self {
            History::Many(log) => log.push(entry),
            History::One(one) => {
                let mut log = Log::new(one.created, one.entry());
                log.push(entry);
                *self = History::Many(Box::new(log));
            }
        }
    }

    /// The one record, of those not above `main`, that a compaction at `main` leaves: what a reader at `main`
    /// sees. A tombstone stays only if it is of that very revision, so that watchers from there on get its event.
    pub(crate) fn kept(&self, main: i64) -> Option<Entry> {
        let entry = match self {
            History::One(one) => Some(one.entry()).filter(|entry| entry.main <= main),
            History::Many(log) => log.find(main).map(|at| *log.get(at)),
        };
        entry.filter(|entry| !entry.is_tombstone() || entry.main == main)
    }

    /// Forgets what a compaction at `main` removes. `false` when nothing is left: the key must go then.
    pub(crate) fn compact(&mut self, main: i64, garbage: &mut Garbage) -> bool {
        let History::Many(log) = self else { return true };
        let Some(found) = log.find(main) else { return true };
        let kept = log.get(found);
        let first = if kept.is_tombstone() && kept.main < main { found + 1 } else { found };
        if first == log.len() {
            return false;
        }
        garbage.append(&mut log.prune(first));
        if log.len() == 1
            && let Some(one) = One::new(log.created(0), log.newest())
        {
            *self = History::One(one);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn put(main: i64, version: i64) -> Entry {
        Entry { main, version, sub: 0, leased: false }
    }

    /// Put at 2 and 4, deleted at 6, put at 8.
    fn sample() -> History {
        let mut history = History::new(2, put(2, 1));
        assert_eq!(history.put(4, 0, true).version, 2);
        history.delete(6, 0);
        assert_eq!(history.put(8, 3, false).created, 8);
        history
    }

    #[test]
    fn takes_no_more_room_than_promised() {
        assert_eq!(size_of::<History>(), 24);
    }

    #[test]
    fn readers_see_the_version_of_their_revision() {
        let history = sample();
        let seen: Vec<_> =
            (1..10).map(|main| history.at(main).map(|place| (place.created, place.version))).collect();
        let (first, second, third) = (Some((2, 1)), Some((2, 2)), Some((8, 1)));
        assert_eq!(seen, [None, first, first, second, second, None, None, third, third]);
        assert!(history.at(5).is_some_and(|place| place.leased));
        assert_eq!(history.modified(), Revision::new(8, 3));
    }

    #[test]
    fn compaction_keeps_what_its_revision_sees() {
        let kept: Vec<_> = (1..10).map(|main| sample().kept(main).map(|entry| entry.main)).collect();
        assert_eq!(kept, [None, Some(2), Some(2), Some(4), Some(4), Some(6), None, Some(8), Some(8)]);
        for main in 1..10 {
            let (mut compacted, full) = (sample(), sample());
            assert!(compacted.compact(main, &mut Garbage::new()));
            for at in main..10 {
                assert_eq!(compacted.at(at), full.at(at), "compacted at {main}, read at {at}");
            }
            assert_eq!(compacted.put(10, 0, false), full.clone().put(10, 0, false));
        }
    }

    #[test]
    fn a_deleted_key_goes_one_revision_after_its_tombstone() {
        let mut history = History::new(2, put(2, 1));
        history.delete(3, 0);
        assert!(history.compact(3, &mut Garbage::new()));
        assert_eq!((history.at(2), history.at(3), history.modified().main), (None, None, 3));
        assert!(!history.compact(4, &mut Garbage::new()));
    }

    #[test]
    fn numbers_too_large_for_the_small_form_are_kept_whole() {
        let version = i64::from(u32::MAX) + 5;
        let mut history = History::new(3, Entry { main: 9, version, sub: u32::MAX, leased: true });
        let place = history.newest().expect("it is live");
        assert_eq!((place.created, place.version, place.revision.sub), (3, version, i64::from(u32::MAX)));
        assert_eq!(history.put(10, 0, false).version, version + 1);
        assert_eq!(history.at(10).map(|place| place.created), Some(3));
    }
}
