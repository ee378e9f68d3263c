//! The pace of work that takes long: slices, and rests between them while others have something to do.
//!
//! A thread that never sleeps is run by the kernel for milliseconds at a time, and whoever wakes up meanwhile waits
//! for that long. A request crosses several threads. With slices of a fraction of a millisecond and rests as long as
//! they, the work takes twice as long beside others, and nobody waits for more than a slice.
//!
//! Others count as being there for a while after they called: between two calls of a thousand a second most slices see
//! none, and the next one waits all the same if the work goes on.

use super::Admission;
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

/// Work between two looks.
const SLICE: Duration = Duration::from_micros(250);
/// Others are there for so long after a call.
const PRESENT: Duration = Duration::from_millis(20);
/// No rest is longer: a slice may have been long only because others had the processor.
const REST_MAX: Duration = Duration::from_millis(5);

/// When to rest, and how long. Time is an argument.
#[derive(Debug)]
pub(super) struct Pace {
    slice_began: Duration,
    calls: u64,
    /// When calls were last seen to have come.
    called: Option<Duration>,
}

impl Pace {
    /// Work that begins at `now`, after so many `calls` of anybody.
    pub(super) fn begin(now: Duration, calls: u64) -> Self {
        Pace { slice_began: now, calls, called: None }
    }

    /// The rest that is due at `now`, if any; `calls` is asked only then.
    pub(super) fn rest(&mut self, now: Duration, calls: impl FnOnce() -> u64) -> Option<Duration> {
        let worked = now.saturating_sub(self.slice_began);
        if worked < SLICE {
            return None;
        }
        let calls = calls();
        if std::mem::replace(&mut self.calls, calls) != calls {
            self.called = Some(now);
        }
        let others_there = self.called.is_some_and(|called| now.saturating_sub(called) < PRESENT);
        let rest = if others_there { worked.min(REST_MAX) } else { Duration::ZERO };
        self.slice_began = now + rest;
        others_there.then_some(rest)
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

    /// Works for `total` in steps, while others call every `call_us` until `calls_until`. Answers with the rests.
    fn work(total: Duration, step: Duration, call_us: u128, calls_until: Duration) -> Vec<Duration> {
        let (mut now, mut worked, mut rests) = (Duration::ZERO, Duration::ZERO, Vec::new());
        let mut pace = Pace::begin(now, 0);
        while worked < total {
            now += step;
            worked += step;
            if let Some(rest) = pace.rest(now, || (now.min(calls_until).as_micros() / call_us) as u64) {
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
        assert!(work(Duration::from_secs(1), us(50), 1000, Duration::ZERO).is_empty());
    }

    #[test]
    fn beside_others_it_rests_for_as_long_as_it_works() {
        let rests = work(us(100_000), us(50), 100, Duration::MAX);
        assert_eq!(rests.len(), 400, "once a slice");
        assert_eq!(rests.iter().sum::<Duration>(), us(100_000));
    }

    #[test]
    fn others_who_call_less_often_than_once_a_slice_are_there_all_the_time() {
        let rests = work(us(100_000), us(50), 5_000, Duration::MAX);
        // Until the first call it is alone.
        assert!(rests.len() >= 380, "{}", rests.len());
    }

    #[test]
    fn once_they_have_gone_it_works_on() {
        let rests = work(us(500_000), us(50), 1_000, us(100_000));
        let rested: Duration = rests.iter().sum();
        assert!(rested > us(40_000) && rested < us(70_000), "{rested:?}");
    }

    #[test]
    fn a_slice_that_was_held_up_is_not_paid_for_in_full() {
        assert_eq!(work(us(300_000), us(100_000), 1_000, Duration::MAX), [REST_MAX; 3]);
    }
}
