//! Spreads calls over the members that are up, in turn.
//!
//! All members are dialled at the first call, from a random one on: many clients that make one call each must not all
//! make it to the same member. A call takes the next ready one; when none is ready it waits for the
//! first that becomes so, for as long as its caller lets it.

use super::{
    Endpoint,
    slot::{Offer, Slot},
};
use crate::Config;
use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{sync::Notify, time::Instant};
use tonic::transport::Channel;

/// The members of a client.
pub(crate) struct Balancer {
    slots: Vec<Arc<Slot>>,
    next: AtomicUsize,
    changed: Arc<Notify>,
}

/// A connection, on loan.
pub(crate) struct Picked {
    pub(crate) channel: Channel,
    slot: Arc<Slot>,
    generation: u64,
}

impl Picked {
    /// Tells the balancer that this connection is gone.
    pub(crate) fn lost(&self) {
        self.slot.lost(self.generation);
    }
}

/// Any number, a different one in every process.
fn random() -> usize {
    RandomState::new().hash_one(()) as usize
}

impl Balancer {
    pub(crate) fn new(config: &Config) -> Self {
        let slot = |text: &String| Arc::new(Slot::new(Endpoint::parse(text), config));
        Balancer {
            slots: config.endpoints.iter().map(slot).collect(),
            next: AtomicUsize::new(random()),
            changed: Arc::new(Notify::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Addresses as they were given.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.slots.iter().map(|slot| slot.endpoint().as_str().to_owned()).collect()
    }

    /// Waits for a connection; for ever, if no member is up. Cancel-safe.
    pub(crate) async fn pick(&self) -> Picked {
        loop {
            // Registered before looking, so that a dial which ends in between is not missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (picked, retry_at) = self.look(Instant::now());
            if let Some(picked) = picked {
                return picked;
            }
            match retry_at {
                Some(at) => {
                    tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} }
                }
                None => changed.await,
            }
        }
    }

    /// The next ready member, if any; dials those that need it. Beside it the moment of the earliest retry.
    fn look(&self, now: Instant) -> (Option<Picked>, Option<Instant>) {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let (mut picked, mut retry_at) = (None, None::<Instant>);
        for offset in 0..self.slots.len() {
            let slot = &self.slots[start.wrapping_add(offset) % self.slots.len()];
            match slot.offer(now) {
                Offer::Ready(channel, generation) if picked.is_none() => {
                    picked = Some(Picked { channel, slot: slot.clone(), generation });
                }
                Offer::Ready(..) | Offer::Dialing => {}
                Offer::Dial => slot.dial(&self.changed),
                Offer::Wait(at) => retry_at = Some(retry_at.map_or(at, |earliest| earliest.min(at))),
            }
        }
        (picked, retry_at)
    }

    /// Why members could not be reached, for messages; the last word of each, joined.
    pub(crate) fn trouble(&self) -> Option<String> {
        let reasons: Vec<_> = self.slots.iter().filter_map(|slot| slot.reason()).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
