//! Appends between members: the counts and times that `/v2/stats/self` and `/v2/stats/leader` show.
//!
//! The time to a follower is that from an append to the first confirmation after it, so it includes the follower's
//! disk. (etcd's own figure is the time to write an append to a socket, which says little.)

use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant, SystemTime},
};

/// Appends over which a rate is taken, and after which silence there is none.
const RATE_OF: usize = 200;
const QUIET: Duration = Duration::from_secs(1);

/// Appends of one member.
#[derive(Debug)]
pub struct AppendStats {
    /// When the member began.
    pub began: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Traffic,
    received: Traffic,
    followers: BTreeMap<u64, Follower>,
}

/// Appends in one direction.
#[derive(Debug, Default)]
struct Traffic {
    count: u64,
    last: VecDeque<(Instant, u64)>,
}

/// How many appends there were, and how many of them, and bytes, a second; 0 when it is quiet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// All of them.
    pub count: u64,
    /// A second.
    pub per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
}

/// Appends to one follower, with times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Follower {
    /// The last time.
    pub current_ms: f64,
    /// The mean.
    pub average_ms: f64,
    average_square: f64,
    /// The shortest; `None` before the first.
    pub minimum_ms: Option<f64>,
    /// The longest.
    pub maximum_ms: f64,
    /// Confirmations.
    pub successes: u64,
    /// Times that it was lost.
    pub failures: u64,
    waiting: Option<Instant>,
}

impl Default for AppendStats {
    fn default() -> Self {
        AppendStats { began: SystemTime::now(), state: Mutex::default() }
    }
}

impl Traffic {
    fn note(&mut self, bytes: u64) {
        self.count += 1;
        if self.last.len() == RATE_OF {
            self.last.pop_front();
        }
        self.last.push_back((Instant::now(), bytes));
    }

    fn rate(&self) -> Rate {
        let nothing = Rate { count: self.count, ..Rate::default() };
        let (Some((first, _)), Some((last, _))) = (self.last.front(), self.last.back()) else {
            return nothing;
        };
        let span_s = last.duration_since(*first).as_secs_f64();
        if last.elapsed() > QUIET || span_s == 0.0 {
            return nothing;
        }
        let bytes: u64 = self.last.iter().map(|(_, bytes)| bytes).sum();
        let per_second = self.last.len() as f64 / span_s;
        Rate { per_second, bytes_per_second: bytes as f64 / span_s, ..nothing }
    }
}

impl Follower {
    fn took(&mut self, time: Duration) {
        let (before, ms) = (self.successes as f64, time.as_secs_f64() * 1000.0);
        self.successes += 1;
        let count = self.successes as f64;
        self.current_ms = ms;
        self.maximum_ms = self.maximum_ms.max(ms);
        self.minimum_ms = Some(self.minimum_ms.map_or(ms, |least| least.min(ms)));
        self.average_ms = (before * self.average_ms + ms) / count;
        self.average_square = (before * self.average_square + ms * ms) / count;
    }

    /// Standard deviation of the times, in milliseconds.
    pub fn deviation_ms(&self) -> f64 {
        (self.average_square - self.average_ms * self.average_ms).max(0.0).sqrt()
    }
}

impl AppendStats {
    /// An append went to a member.
    pub fn sent(&self, to: u64, bytes: u64) {
        let mut state = self.state.lock();
        state.sent.note(bytes);
        state.followers.entry(to).or_default().waiting.get_or_insert_with(Instant::now);
    }

    /// A member confirmed what it got.
    pub fn confirmed(&self, by: u64) {
        let mut state = self.state.lock();
        let follower = state.followers.entry(by).or_default();
        if let Some(sent) = follower.waiting.take() {
            follower.took(sent.elapsed());
        }
    }

    /// A member was lost.
    pub fn lost(&self, member: u64) {
        let mut state = self.state.lock();
        let follower = state.followers.entry(member).or_default();
        follower.failures += 1;
        follower.waiting = None;
    }

    /// An append came.
    pub fn received(&self, bytes: u64) {
        self.state.lock().received.note(bytes);
    }

    /// Appends that came, and that went out.
    pub fn rates(&self) -> (Rate, Rate) {
        let state = self.state.lock();
        (state.received.rate(), state.sent.rate())
    }

    /// Those to one member.
    pub fn follower(&self, id: u64) -> Follower {
        self.state.lock().followers.get(&id).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up() {
        let mut follower = Follower::default();
        for ms in [1, 2, 6] {
            follower.took(Duration::from_millis(ms));
        }
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(follower.average_ms, 3.0) && near(follower.deviation_ms(), (14.0f64 / 3.0).sqrt()));
        assert_eq!((follower.minimum_ms, follower.successes), (Some(1.0), 3));
        assert!(near(follower.maximum_ms, 6.0) && near(follower.current_ms, 6.0));
    }

    #[test]
    fn a_confirmation_without_an_append_has_no_time() {
        let stats = AppendStats::default();
        stats.confirmed(7);
        assert_eq!(stats.follower(7), Follower::default());
        stats.sent(7, 10);
        stats.confirmed(7);
        assert_eq!((stats.follower(7).successes, stats.rates().1.count), (1, 1));
        stats.lost(7);
        assert_eq!(stats.follower(7).failures, 1);
    }
}
