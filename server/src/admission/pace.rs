//! The pace of work that takes long: slices, and rests between them while others have something to do.
//!
//! A thread that never sleeps is run by the kernel for milliseconds at a time, and whoever wakes up meanwhile waits
//! for that long. A request crosses several threads. With slices of a fraction of a millisecond and rests as long as
//! they, the work takes twice as long beside others, and nobody waits for more than a slice.
//!
//! What counts is the processor's time. A thread from which others took the processor has rested meanwhile: on a busy machine it
//! need not step back twice.
//!
//! Others count as being there for a while after they called: between two calls of a thousand a second most slices see
//! none, and the next one waits all the same if the work goes on.

use super::Admission;
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

/// Work between two looks, in the processor's time.
const SLICE: Duration = Duration::from_micros(250);
/// Others are there for so long after a call.
const PRESENT: Duration = Duration::from_millis(20);
/// No rest is longer.
const REST_MAX: Duration = Duration::from_millis(5);
/// So much rest beyond what was due counts for the work that follows.
const CREDIT_MAX: Duration = Duration::from_millis(2);

/// A moment of a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    /// By the clock, from some point on.
    pub(super) clock: Duration,
    /// The processor's time that the thread has had.
    pub(super) worked: Duration,
}

/// When to rest, and how long. Time is an argument.
#[derive(Debug)]
pub(super) struct Pace {
    slice_began: Moment,
    /// Rest that was not due.
    credit: Duration,
    calls: u64,
    /// When calls were last seen to have come.
    called: Option<Duration>,
}

impl Pace {
    /// Work that begins at `now`, after so many `calls` of anybody.
    pub(super) fn begin(now: Moment, calls: u64) -> Self {
        Pace { slice_began: now, credit: Duration::ZERO, calls, called: None }
    }

    /// The rest that is due at `now`, if any; `calls` is asked only then.
    pub(super) fn rest(&mut self, now: Moment, calls: impl FnOnce() -> u64) -> Option<Duration> {
        let worked = now.worked.saturating_sub(self.slice_began.worked);
        if worked < SLICE {
            return None;
        }
        let calls = calls();
        if std::mem::replace(&mut self.calls, calls) != calls {
            self.called = Some(now.clock);
        }
        let others_there = self.called.is_some_and(|called| now.clock.saturating_sub(called) < PRESENT);
        // Not at work: others had the processor, or the last rest was longer than it should have been.
        let idle = now.clock.saturating_sub(self.slice_began.clock).saturating_sub(worked) + self.credit;
        let rest = if others_there { worked.saturating_sub(idle).min(REST_MAX) } else { Duration::ZERO };
        self.credit = idle.saturating_sub(worked).min(CREDIT_MAX);
        self.slice_began = Moment { clock: now.clock + rest, ..now };
        (rest > Duration::ZERO).then_some(rest)
    }
}

/// A pace by the clock, for a thread that may sleep.
pub(crate) struct Pacer<'a> {
    admission: &'a Admission,
    began: Instant,
    pace: RefCell<Pace>,
}

impl<'a> Pacer<'a> {
    /// Work of this thread that begins now.
    pub(crate) fn begin(admission: &'a Admission) -> Self {
        let began = Instant::now();
        let pace = RefCell::new(Pace::begin(moment(began), admission.calls()));
        Pacer { admission, began, pace }
    }

    /// To be called every few dozen microseconds of work. Sleeps when it is time to.
    pub(crate) fn pause(&self) {
        let rest = self.pace.borrow_mut().rest(moment(self.began), || self.admission.calls());
        if let Some(rest) = rest {
            std::thread::sleep(rest);
        }
    }
}

/// This moment of this thread, by a clock that began at `began`.
fn moment(began: Instant) -> Moment {
    let clock = began.elapsed();
    #[cfg(target_os = "linux")]
    let worked = {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    // Elsewhere it counts as work when others have the processor.
    #[cfg(not(target_os = "linux"))]
    let worked = clock;
    Moment { clock, worked }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes on around the work.
    struct Around {
        /// Others call so often,
        call_us: u128,
        /// and until then.
        calls_until: Duration,
        /// For each step they take the processor for so long.
        taken: Duration,
        /// Rests last so much longer than they should.
        overslept: Duration,
    }

    const ALONE: Around = Around {
        call_us: 1_000,
        calls_until: Duration::ZERO,
        taken: Duration::ZERO,
        overslept: Duration::ZERO,
    };
    const BESIDE: Around = Around { calls_until: Duration::MAX, ..ALONE };

    /// Works for `total` in steps of 50 us. Answers with the rests.
    fn work(total: Duration, around: &Around) -> Vec<Duration> {
        let step = us(50);
        let (mut now, mut rests) = (Moment::default(), Vec::new());
        let mut pace = Pace::begin(now, 0);
        while now.worked < total {
            now.clock += step + around.taken;
            now.worked += step;
            let calls = || (now.clock.min(around.calls_until).as_micros() / around.call_us) as u64;
            if let Some(rest) = pace.rest(now, calls) {
                now.clock += rest + around.overslept;
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
        assert!(work(us(1_000_000), &ALONE).is_empty());
    }

    #[test]
    fn beside_others_it_rests_for_as_long_as_it_works() {
        let rests = work(us(100_000), &Around { call_us: 100, ..BESIDE });
        assert_eq!(rests.len(), 400, "once a slice");
        assert_eq!(rests.iter().sum::<Duration>(), us(100_000));
    }

    #[test]
    fn others_who_call_less_often_than_once_a_slice_are_there_all_the_time() {
        let rests = work(us(100_000), &Around { call_us: 5_000, ..BESIDE });
        // Until the first call it is alone.
        assert!(rests.len() >= 380, "{}", rests.len());
    }

    #[test]
    fn once_they_have_gone_it_works_on() {
        let rests = work(us(500_000), &Around { calls_until: us(100_000), ..BESIDE });
        let rested: Duration = rests.iter().sum();
        assert!(rested > us(40_000) && rested < us(70_000), "{rested:?}");
    }

    #[test]
    fn who_is_not_let_to_the_processor_rests_the_less() {
        let half = work(us(100_000), &Around { call_us: 100, taken: us(25), ..BESIDE });
        assert_eq!(half.iter().sum::<Duration>(), us(50_000));
        assert!(work(us(100_000), &Around { taken: us(50), ..BESIDE }).is_empty());
    }

    #[test]
    fn rests_that_last_too_long_count_for_what_follows_but_not_for_ever() {
        let rests = work(us(100_000), &Around { overslept: us(500), ..BESIDE });
        // Of three slices one rests.
        assert!((130..=136).contains(&rests.len()), "{}", rests.len());
        let rests = work(us(100_000), &Around { overslept: us(50_000), ..BESIDE });
        assert!(rests.len() >= 40, "{}", rests.len());
    }
}
