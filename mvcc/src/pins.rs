//! Pinned revisions: what readers at work still need.
//!
//! A compaction declares its revision at once, and from then on nobody can begin to read below it. Records are
//! removed later, and only when no reader that began before is still at work below.

use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// The compacted revision, and the revisions pinned.
pub(crate) struct Pins {
    compacted: AtomicI64,
    pinned: Mutex<BTreeMap<i64, usize>>,
}

impl Pins {
    pub(crate) fn new(compacted: i64) -> Arc<Self> {
        Arc::new(Pins { compacted: AtomicI64::new(compacted), pinned: Mutex::default() })
    }

    /// The revision of the last compaction, -1 if there was none.
    pub(crate) fn compacted(&self) -> i64 {
        self.compacted.load(Ordering::Acquire)
    }

    /// Declares all below `revision` compacted; must not go back.
    pub(crate) fn compact(&self, revision: i64) {
        let _pinned = self.pinned.lock();
        self.compacted.store(revision, Ordering::Release);
    }

    /// Pins `revision`; `None` when it is compacted.
    pub(crate) fn pin(self: &Arc<Self>, revision: i64) -> Option<Pin> {
        let mut pinned = self.pinned.lock();
        if revision < self.compacted() {
            return None;
        }
        *pinned.entry(revision).or_insert(0) += 1;
        Some(Pin { pins: self.clone(), revision })
    }

    /// Pins whatever is not compacted yet, however old.
    pub(crate) fn pin_oldest(self: &Arc<Self>) -> Pin {
        let mut pinned = self.pinned.lock();
        let revision = self.compacted();
        *pinned.entry(revision).or_insert(0) += 1;
        Pin { pins: self.clone(), revision }
    }

    /// Pins what a reader of all changes from `revision` on needs: none of these may be removed, so neither may
    /// a compaction at `revision` begin. `None` when some are removed already.
    pub(crate) fn pin_from(self: &Arc<Self>, revision: i64) -> Option<Pin> {
        let mut pinned = self.pinned.lock();
        let compacted = self.compacted();
        if revision < compacted {
            return None;
        }
        let revision = compacted.max(revision - 1);
        *pinned.entry(revision).or_insert(0) += 1;
        Some(Pin { pins: self.clone(), revision })
    }

    /// Whether a reader is at work below `revision`.
    pub(crate) fn any_below(&self, revision: i64) -> bool {
        self.pinned.lock().first_key_value().is_some_and(|(first, _)| *first < revision)
    }
}

/// Keeps a revision readable. While it lives, later compactions declare theirs but remove nothing, so do not
/// keep it for long.
pub struct Pin {
    pins: Arc<Pins>,
    revision: i64,
}

impl Pin {
    /// The revision that stays readable.
    pub fn revision(&self) -> i64 {
        self.revision
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pinned = self.pins.pinned.lock();
        if let Some(count) = pinned.get_mut(&self.revision) {
            *count -= 1;
            if *count == 0 {
                pinned.remove(&self.revision);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_back_compactions_above_it_only() {
        let pins = Pins::new(-1);
        let (five, again) = (pins.pin(5), pins.pin(5));
        assert!(!pins.any_below(5) && pins.any_below(6));
        pins.compact(7);
        assert!(pins.pin(6).is_none() && pins.pin(7).is_some());
        drop(five);
        assert!(pins.any_below(7));
        drop(again);
        assert!(!pins.any_below(7));
        assert_eq!(pins.pin_oldest().revision(), 7);
    }
}
