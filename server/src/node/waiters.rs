//! Who waits for which proposal.
//!
//! A proposal travels to the log under its request id; whoever applies it answers the id. Proposals that are
//! never applied (a log entry lost to another leader) are answered by [`Waiters::expire`].

use crate::{cluster::Lost, service::Answer};
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
    answer: oneshot::Sender<Answer>,
}

/// Open proposals of this member by request id.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<u64, Waiter, BuildHasherDefault<IdHasher>>>);

impl Waiters {
    /// Waits for the outcome of request `id`.
    pub(crate) fn register(&self, id: u64) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        self.0.lock().insert(id, Waiter { since: Instant::now(), answer });
        receiver
    }

    /// Answers request `id`, if somebody here waits for it, and says since when.
    pub(crate) fn answer(&self, id: u64, outcome: Outcome) -> Option<Instant> {
        let waiter = self.0.lock().remove(&id)?;
        // The client may have gone meanwhile: nothing is lost by that.
        let _ = waiter.answer.send(Ok(outcome));
        Some(waiter.since)
    }

    /// Lets go of requests that began before `deadline`; `why` gets to know when they began. Answers with how
    /// many they were.
    pub(crate) fn expire(&self, deadline: Instant, why: impl Fn(Instant) -> Lost) -> usize {
        let late: Vec<Waiter> =
            self.0.lock().extract_if(|_, waiter| waiter.since < deadline).map(|(_, waiter)| waiter).collect();
        let count = late.len();
        for waiter in late {
            let _ = waiter.answer.send(Err(why(waiter.since)));
        }
        count
    }

    /// Lets go of request `id`, which will not be applied.
    pub(crate) fn lose(&self, id: u64, why: Lost) {
        if let Some(waiter) = self.0.lock().remove(&id) {
            let _ = waiter.answer.send(Err(why));
        }
    }

    /// Lets go of all: nothing will be applied any more.
    pub(crate) fn close(&self) {
        self.0.lock().clear();
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
