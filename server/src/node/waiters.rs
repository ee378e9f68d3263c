//! Who waits for which proposal.
//!
//! A proposal travels to the log under its request id; whoever applies it answers the id. Proposals that are
//! never applied (a log entry lost to another leader) are answered by [`Waiters::expire`].

use oxetcd_machine::Outcome;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    time::Instant,
};
use tokio::sync::oneshot;

/// Request ids are counters: they are their own hash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, id: u64) {
        // The table uses the top bits too.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

struct Waiter {
    since: Instant,
    answer: oneshot::Sender<Outcome>,
}

/// Open proposals of this member by request id.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<u64, Waiter, BuildHasherDefault<IdHasher>>>);

impl Waiters {
    /// Waits for the outcome of request `id`.
    pub(crate) fn register(&self, id: u64) -> oneshot::Receiver<Outcome> {
        let (answer, receiver) = oneshot::channel();
        self.0.lock().insert(id, Waiter { since: Instant::now(), answer });
        receiver
    }

    /// Answers request `id`, if somebody here waits for it, and says since when.
    pub(crate) fn answer(&self, id: u64, outcome: Outcome) -> Option<Instant> {
        let waiter = self.0.lock().remove(&id)?;
        // The client may have gone meanwhile: nothing is lost by that.
        let _ = waiter.answer.send(outcome);
        Some(waiter.since)
    }

    /// Lets go of requests that began before `deadline`: their receivers see the channel close. Answers with
    /// how many they were.
    pub(crate) fn expire(&self, deadline: Instant) -> usize {
        let mut waiters = self.0.lock();
        let before = waiters.len();
        waiters.retain(|_, waiter| waiter.since >= deadline);
        before - waiters.len()
    }

    /// Requests that wait.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Lets go of one request.
    pub(crate) fn forget(&self, id: u64) {
        self.0.lock().remove(&id);
    }

    /// Whether somebody waits for request `id`.
    pub(crate) fn has(&self, id: u64) -> bool {
        self.0.lock().contains_key(&id)
    }
}
