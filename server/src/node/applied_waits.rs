//! Who waits until the state machine has come to an index of the log.
//!
//! The raft loop learns at which index a read is linearizable; the apply loop gets there. Mostly nobody waits,
//! so the apply loop looks at one number before it takes the lock.

use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::oneshot;

/// Waiters by index.
#[derive(Debug)]
pub(crate) struct AppliedWaits {
    applied: AtomicU64,
    /// The lowest index waited for; `u64::MAX` when nobody waits.
    next: AtomicU64,
    waiters: Mutex<BTreeMap<u64, Vec<oneshot::Sender<()>>>>,
}

impl Default for AppliedWaits {
    fn default() -> Self {
        let next = AtomicU64::new(u64::MAX);
        AppliedWaits { applied: AtomicU64::new(0), next, waiters: Mutex::default() }
    }
}

impl AppliedWaits {
    /// Answers all of `waiters` once `index` has been applied; at once if it has.
    pub(crate) fn add(&self, index: u64, waiters: Vec<oneshot::Sender<()>>) {
        let mut waiting = self.waiters.lock();
        // Announced first: the apply loop, which stores before it looks, then finds either the number or the
        // waiter.
        self.next.fetch_min(index, Ordering::SeqCst);
        if self.applied.load(Ordering::SeqCst) >= index {
            self.next.store(lowest(&waiting), Ordering::SeqCst);
            drop(waiting);
            answer(waiters);
        } else {
            waiting.entry(index).or_default().extend(waiters);
        }
    }

    /// A receiver that resolves once `index` has been applied.
    pub(crate) fn until(&self, index: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.add(index, vec![sender]);
        receiver
    }

    /// Entries up to `index` have been applied.
    pub(crate) fn reached(&self, index: u64) {
        self.applied.store(index, Ordering::SeqCst);
        if self.next.load(Ordering::SeqCst) > index {
            return;
        }
        let mut waiting = self.waiters.lock();
        let later = waiting.split_off(&(index + 1));
        let now = std::mem::replace(&mut *waiting, later);
        self.next.store(lowest(&waiting), Ordering::SeqCst);
        drop(waiting);
        now.into_values().for_each(answer);
    }

    /// Nothing more will be applied: lets go of everybody.
    pub(crate) fn close(&self) {
        self.waiters.lock().clear();
    }
}

fn lowest(waiting: &BTreeMap<u64, Vec<oneshot::Sender<()>>>) -> u64 {
    waiting.first_key_value().map_or(u64::MAX, |(index, _)| *index)
}

fn answer(waiters: Vec<oneshot::Sender<()>>) {
    for waiter in waiters {
        // Whoever waited may have gone.
        let _ = waiter.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_answered_in_order_of_their_index() {
        let waits = AppliedWaits::default();
        waits.reached(3);
        let (mut past, mut soon, mut later) = (waits.until(3), waits.until(5), waits.until(9));
        assert!(past.try_recv().is_ok() && soon.try_recv().is_err());
        waits.reached(4);
        assert!(soon.try_recv().is_err());
        waits.reached(8);
        assert!(soon.try_recv().is_ok() && later.try_recv().is_err());
        waits.reached(9);
        assert!(later.try_recv().is_ok());
    }

    #[test]
    fn nobody_waits_for_what_has_ended() {
        let waits = AppliedWaits::default();
        let receiver = waits.until(1);
        waits.close();
        assert!(receiver.blocking_recv().is_err());
    }
}
