//! When to compact by itself, and up to which revision: `--auto-compaction-mode` and `-retention` as a pure
//! schedule. Time is an argument and the answer is a revision; [`super::AutoCompact`] does the rest.
//!
//! By revision is simple: every five minutes, all but the newest so many revisions go. By time, there is no
//! record of when a revision was made, so the schedule looks at the current revision ten times a period (or an
//! hour, if that is shorter) and remembers what it saw. The oldest sample it keeps is at least one period old,
//! and that is where history may be cut.

use crate::config::AutoCompaction;
use std::{collections::VecDeque, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);
/// How often the mode by revision looks.
const REVISION_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Samples in a period, or in an hour of it.
const SAMPLES: u32 = 10;
/// Shorter periods than ten of these are not told apart.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// A schedule of compactions.
#[derive(Clone, Debug)]
pub(crate) struct CompactionSchedule {
    mode: Mode,
    /// Revision of the last compaction that was done.
    last: i64,
}

#[derive(Clone, Debug)]
enum Mode {
    Periodic {
        period: Duration,
        /// The current revision, as seen once an interval, oldest first.
        seen: VecDeque<i64>,
        /// When a compaction was last done, and the least time until the next.
        since: Duration,
        pause: Duration,
    },
    Revision {
        keep: i64,
    },
}

impl CompactionSchedule {
    /// The schedule that `policy` asks for, begun at `now` with `revision` as the current one; `None` when it
    /// asks for none.
    pub(crate) fn new(policy: AutoCompaction, now: Duration, revision: i64) -> Option<Self> {
        let mode = match policy {
            AutoCompaction::Off => return None,
            // The first cut waits for a whole period; then once a period, and at least once an hour.
            AutoCompaction::Periodic(period) => {
                Mode::Periodic { period, seen: VecDeque::from([revision]), since: now, pause: period }
            }
            AutoCompaction::Revision(keep) => Mode::Revision { keep },
        };
        Some(CompactionSchedule { mode, last: 0 })
    }

    /// How long to wait before [`CompactionSchedule::due`] is asked again.
    pub(crate) fn interval(&self) -> Duration {
        match &self.mode {
            Mode::Periodic { period, .. } => sampling(*period),
            Mode::Revision { .. } => REVISION_INTERVAL,
        }
    }

    /// The revision up to which to compact at `now`, if any. `revision` is the current one. Only a member that
    /// `leads` compacts; the others take their samples, to be ready when they lead.
    pub(crate) fn due(&mut self, now: Duration, revision: i64, leads: bool) -> Option<i64> {
        let target = match &mut self.mode {
            Mode::Periodic { period, seen, since, pause } => {
                let oldest = seen.front().copied().unwrap_or(revision);
                seen.push_back(revision);
                let kept = (period.as_nanos() / sampling(*period).as_nanos()) as usize + 1;
                while seen.len() > kept {
                    seen.pop_front();
                }
                (now.saturating_sub(*since) >= *pause).then_some(oldest)
            }
            Mode::Revision { keep } => Some(revision.saturating_sub(*keep)),
        };
        target.filter(|target| leads && *target > 0 && *target != self.last)
    }

    /// Notes that the history up to `revision` is gone. What fails is simply due again.
    pub(crate) fn done(&mut self, now: Duration, revision: i64) {
        self.last = revision;
        if let Mode::Periodic { period, since, pause, .. } = &mut self.mode {
            *since = now;
            *pause = (*period).min(HOUR);
        }
    }
}

fn sampling(period: Duration) -> Duration {
    (period.min(HOUR) / SAMPLES).max(SHORTEST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a schedule for `looks` intervals while the revision grows by `growth` in each. Answers with the
    /// compactions: the number of the look and the revision.
    fn run(policy: AutoCompaction, looks: u32, growth: i64, leads: impl Fn(u32) -> bool) -> Vec<(u32, i64)> {
        let mut revision = 1;
        let Some(mut schedule) = CompactionSchedule::new(policy, Duration::ZERO, revision) else {
            return Vec::new();
        };
        let mut done = Vec::new();
        for look in 1..=looks {
            let now = schedule.interval() * look;
            revision += growth;
            if let Some(target) = schedule.due(now, revision, leads(look)) {
                done.push((look, target));
                schedule.done(now, target);
            }
        }
        done
    }

    const fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn off_is_never() {
        assert!(CompactionSchedule::new(AutoCompaction::Off, Duration::ZERO, 1).is_none());
    }

    #[test]
    fn short_periods_are_cut_once_a_period_at_its_start() {
        // Ten looks a period; it cuts at the newest sample that is more than a period old.
        let done = run(AutoCompaction::Periodic(minutes(5)), 30, 10, |_| true);
        assert_eq!(done, [(10, 1), (20, 91), (30, 191)]);
    }

    #[test]
    fn long_periods_are_cut_hourly_after_the_first() {
        // A look every six minutes, so 50 in five hours.
        let done = run(AutoCompaction::Periodic(minutes(300)), 71, 10, |_| true);
        assert_eq!(done, [(50, 1), (60, 91), (70, 191)]);
    }

    #[test]
    fn a_quiet_store_is_not_compacted_again() {
        assert_eq!(run(AutoCompaction::Periodic(minutes(1)), 40, 0, |_| true), [(10, 1)]);
        assert_eq!(run(AutoCompaction::Revision(10), 40, 0, |_| true), []);
    }

    #[test]
    fn by_revision_keeps_the_newest() {
        let done = run(AutoCompaction::Revision(100), 4, 60, |_| true);
        assert_eq!(done, [(2, 21), (3, 81), (4, 141)]);
        let schedule = CompactionSchedule::new(AutoCompaction::Revision(1), Duration::ZERO, 1);
        assert_eq!(schedule.map(|schedule| schedule.interval()), Some(minutes(5)));
    }

    #[test]
    fn a_new_leader_goes_on_with_what_it_saw() {
        let done = run(AutoCompaction::Periodic(minutes(5)), 16, 10, |look| look >= 15);
        assert_eq!(done, [(15, 41)]);
        let done = run(AutoCompaction::Revision(100), 4, 60, |look| look >= 4);
        assert_eq!(done, [(4, 141)]);
    }

    #[test]
    fn what_failed_is_due_again_one_look_later() {
        let policy = AutoCompaction::Periodic(minutes(5));
        let mut schedule = CompactionSchedule::new(policy, Duration::ZERO, 1).expect("a schedule");
        let due = |schedule: &mut CompactionSchedule, look: u32| {
            schedule.due(schedule.interval() * look, 1 + 10 * i64::from(look), true)
        };
        assert_eq!((1..10).find_map(|look| due(&mut schedule, look)), None);
        assert_eq!(due(&mut schedule, 10), Some(1));
        assert_eq!(due(&mut schedule, 11), Some(1));
        assert_eq!(due(&mut schedule, 12), Some(11));
    }

    #[test]
    fn a_period_below_the_clock_does_no_harm() {
        let done = run(AutoCompaction::Periodic(Duration::from_nanos(1)), 3, 1, |_| true);
        assert_eq!(done.len(), 3);
    }
}
