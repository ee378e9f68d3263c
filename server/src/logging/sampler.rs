//! Keeps one talkative place in the code from filling the log: of its lines of one second, the first hundred
//! are written and then every hundredth, which is what zap is set to in etcd.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use tracing::callsite::Identifier;

/// Counters of places, found by hash. Two places that share one are counted as one, which hardly matters.
#[derive(Debug)]
pub(super) struct Sampler {
    start: Instant,
    /// Second in the upper half, lines in it in the lower.
    counters: [AtomicU64; COUNTERS],
}

const COUNTERS: usize = 512;
const FIRST: u64 = 100;
const THEREAFTER: u64 = 100;
const COUNT: u64 = u32::MAX as u64;

impl Sampler {
    pub(super) fn new() -> Self {
        Sampler { start: Instant::now(), counters: [const { AtomicU64::new(0) }; COUNTERS] }
    }

    /// Whether this line of `place` is written.
    pub(super) fn takes(&self, place: &Identifier) -> bool {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(place);
        self.takes_at(hash, self.start.elapsed().as_secs())
    }

    fn takes_at(&self, hash: u64, second: u64) -> bool {
        let counter = &self.counters[(hash % COUNTERS as u64) as usize];
        let next = |seen: u64| {
            let count =
                if seen >> 32 == second & COUNT { (seen & COUNT).saturating_add(1).min(COUNT) } else { 1 };
            (second & COUNT) << 32 | count
        };
        let seen = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| Some(next(seen)));
        let count = next(seen.unwrap_or_else(|seen| seen)) & COUNT;
        count <= FIRST || (count - FIRST).is_multiple_of(THEREAFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_and_the_next_second_starts_anew() {
        let sampler = Sampler::new();
        let taken = |second| (0..1000).filter(|_| sampler.takes_at(7, second)).count();
        assert_eq!(taken(0), 100 + 9);
        assert_eq!(taken(1), 100 + 9);
    }

    #[test]
    fn places_are_counted_apart() {
        let sampler = Sampler::new();
        assert_eq!((0..200).filter(|_| sampler.takes_at(1, 0)).count(), 101);
        assert!(sampler.takes_at(2, 0));
    }
}
