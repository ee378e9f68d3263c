//! What clients did and were told, and whether one register a key could have told them that.
//!
//! A [`Call`] has a beginning and, if it was answered, an end. Both are ticks of one counter that all clients
//! share, so a call that ended before another one began has the smaller tick, whatever the clocks say. A write
//! without an answer may have happened at any time after its beginning, or may yet happen, or never: it stays
//! open. A read without an answer tells nothing and is not kept.
//!
//! [`linear`] looks for an order of the calls that keeps to the ticks and that a [`register`] could have
//! answered: linearizability, decided key by key, which is the same as deciding it for all keys together.

pub(crate) mod linear;
#[cfg(test)]
mod linear_tests;
pub(crate) mod register;

use register::{Answer, Op};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What one client asked once, and what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// What was asked.
    pub(crate) op: Op,
    /// The tick before it was sent.
    pub(crate) begin: u64,
    /// The tick after the answer, and the answer; `None` when nobody knows what became of it.
    pub(crate) end: Option<(u64, Answer)>,
}

/// Calls of all clients, by key.
#[derive(Debug, Default)]
pub(crate) struct History {
    ticks: AtomicU64,
    calls: Mutex<BTreeMap<String, Vec<Call>>>,
}

impl History {
    /// A tick later than all that were given before.
    pub(crate) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Keeps a call that was answered just now.
    pub(crate) fn answered(&self, key: &str, op: Op, begin: u64, answer: Answer) {
        let end = Some((self.tick(), answer));
        self.keep(key, Call { op, begin, end });
    }

    /// Keeps a call that may or may not have happened.
    pub(crate) fn unknown(&self, key: &str, op: Op, begin: u64) {
        if op != Op::Get {
            self.keep(key, Call { op, begin, end: None });
        }
    }

    fn keep(&self, key: &str, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(key.to_owned()).or_default().push(call);
    }

    /// The calls so far.
    pub(crate) fn by_key(&self) -> BTreeMap<String, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails the test when some key's calls fit no order.
    pub(crate) fn assert_linearizable(&self) {
        for (key, calls) in self.by_key() {
            if let Err(why) = linear::check(&calls) {
                panic!("the calls of key {key} are not linearizable: {why}");
            }
        }
    }
}
