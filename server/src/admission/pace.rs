//! The pace of work that takes long: slices, and rests between them while others have something to do.
//!
//! A thread that never sleeps is run by the kernel for milliseconds at a time, and whoever wakes up meanwhile waits
//! for that long. A request crosses several threads. With slices of a millisecond and rests as long as they, the work
//! takes twice as long beside others, and nobody waits for more than a slice.

use super::Admission;
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

/// Work between two looks.
const SLICE: Duration = Duration::from_millis(1);
/// No rest is longer: a slice may have been long only because others had the processor.
const REST_MAX: Duration = Duration::from_millis(5);

/// When to rest, and how long. Time is an argument.
#[derive(Debug)]
pub(super) struct Pace {
    slice_began: Duration,
    calls: u64,
}

impl Pace {
    /// Work that begins at `now`, after so many `calls` of anybody.
    pub(super) fn begin(now: Duration, calls: u64) -> Self {
        Pace { slice_began: now, calls }
    }

    /// The rest that is due at `now`, if any; `calls` is asked only then.
    pub(super) fn rest(&mut self, now: Duration, calls: impl FnOnce() -> u64) -> Option<Duration> {
        let worked = now.saturating_sub(self.slice_began);
        if worked < SLICE {
            return None;
        }
        let calls = calls();
        let others_called = std::mem::replace(&mut self.calls, calls) != calls;
        let rest = if others_called { worked.min(REST_MAX) } else { Duration::ZERO };
        self.slice_began = now + rest;
        others_called.then_some(rest)
    }
}

/// A pace by the clock, for a thread that may sleep.
pub(crate) struct Pacer<'a> {
    admission: &'a Admission,
    began: Instant,
    pace: RefCell<Pace>,
}

impl<'a> Pacer<'a> {
    /// Work that begins now.
    pub(crate) fn begin(admission: &'a Admission) -> Self {
        let pace = RefCell::new(Pace::begin(Duration::ZERO, admission.calls()));
        Pacer { admission, began: Instant::now(), pace }
    }

    /// To be called every few dozen microseconds of work. Sleeps when it is time to.
    pub(crate) fn pause(&self) {
        let rest = self.pace.borrow_mut().rest(self.began.elapsed(), || self.admission.calls());
        if let Some(rest) = rest {
            std::thread::sleep(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works for `total` in steps, while others call `calls_per_ms` times a millisecond. Answers with the rests.
    fn work(total: Duration, step: Duration, calls_per_ms: u64) -> Vec<Duration> {
        let (mut now, mut worked, mut rests) = (Duration::ZERO, Duration::ZERO, Vec::new());
        let mut pace = Pace::begin(now, 0);
        while worked < total {
            now += step;
            worked += step;
            if let Some(rest) = pace.rest(now, || now.as_millis() as u64 * calls_per_ms) {
                now += rest;
                rests.push(rest);
            }
        }
        rests
    }

    const fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn alone_it_never_rests() {
        assert!(work(Duration::from_secs(1), us(50), 0).is_empty());
    }

    #[test]
    fn beside_others_it_rests_for_as_long_as_it_works() {
        let rests = work(us(100_000), us(50), 1);
        assert_eq!(rests.len(), 100, "once a slice");
        assert_eq!(rests.iter().sum::<Duration>(), us(100_000));
    }

    #[test]
    fn a_slice_that_was_held_up_is_not_paid_for_in_full() {
        assert_eq!(work(us(300_000), us(100_000), 1), [REST_MAX; 3]);
    }
}
