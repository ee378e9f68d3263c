//! Requests that went to a leader elsewhere, and how it is noticed that they were lost with it.
//!
//! What a leader took over and did not replicate dies with it, and nobody tells the member where the client
//! waits. But a later leader has committed an entry of its own term only when everything that survived is
//! committed before it. So once such an entry is applied here, a request of an earlier term that was not answered
//! is in no log. It may still be on its way, passed on by a leader that stepped down in order: that is given a
//! moment. Then its client is told, instead of being left waiting until its time is up.

use super::waiters::Waiters;
use crate::cluster::Lost;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Time for requests that an earlier leader passes on.
const GRACE: Duration = Duration::from_millis(500);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Requests that went to leaders elsewhere, in order.
pub(crate) struct Forwarded {
    /// Ids, and the terms in which they went.
    requests: VecDeque<(u64, u64)>,
    /// The term whose leader has committed an entry of its own, and since when that is known.
    settled: Option<(u64, Instant)>,
    looked: Instant,
    grace: Duration,
}

impl Default for Forwarded {
    fn default() -> Self {
        let (requests, looked) = (VecDeque::new(), Instant::now());
        Forwarded { requests, settled: None, looked, grace: GRACE }
    }
}

impl Forwarded {
    /// One more.
    pub(crate) fn add(&mut self, id: u64, term: u64) {
        self.requests.push_back((id, term));
    }

    /// Lets go of those that are lost, from time to time. `settled` says whether an entry of the current term
    /// has been applied.
    pub(crate) fn look(&mut self, term: u64, waiters: &Waiters, settled: impl FnOnce() -> bool) {
        if self.requests.is_empty() || self.looked.elapsed() < LOOK.min(self.grace) {
            return;
        }
        self.looked = Instant::now();
        while self.requests.front().is_some_and(|(id, _)| !waiters.has(*id)) {
            self.requests.pop_front();
        }
        if !self.front_is_before(term) {
            return;
        }
        if self.settled.is_none_or(|(settled, _)| settled != term) {
            self.settled = settled().then(|| (term, Instant::now()));
        }
        if self.settled.is_none_or(|(_, since)| since.elapsed() < self.grace) {
            return;
        }
        while self.front_is_before(term) {
            if let Some((id, _)) = self.requests.pop_front() {
                waiters.lose(id, Lost::LeaderFailed);
            }
        }
    }

    fn front_is_before(&self, term: u64) -> bool {
        self.requests.front().is_some_and(|(_, sent_in)| *sent_in < term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_an_earlier_leader_are_lost_when_a_later_one_has_settled() {
        let waiters = Waiters::default();
        let mut forwarded = Forwarded { grace: Duration::ZERO, ..Forwarded::default() };
        let (mut old, mut new) = (waiters.register(7), waiters.register(8));
        forwarded.add(6, 1);
        forwarded.add(7, 1);
        forwarded.look(1, &waiters, || true);
        forwarded.add(8, 2);
        forwarded.look(2, &waiters, || false);
        assert!(old.try_recv().is_err() && waiters.has(7), "it may be committed yet");
        forwarded.look(2, &waiters, || true);
        assert!(matches!(old.try_recv(), Ok(Err(Lost::LeaderFailed))));
        assert!(new.try_recv().is_err() && waiters.has(8));
    }
}
