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
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{sync::Notify, time::Instant};
use tonic::transport::Channel;

/// The members of a client.
pub(crate) struct Balancer {
    slots: RwLock<Slots>,
    next: AtomicUsize,
    changed: Arc<Notify>,
}

type Slots = Arc<[Arc<Slot>]>;

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
            slots: RwLock::new(config.endpoints.iter().map(slot).collect()),
            next: AtomicUsize::new(random()),
            changed: Arc::new(Notify::new()),
        }
    }

    fn slots(&self) -> Slots {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other members from now on. Those that stay keep their connections. None at all would be the end: not taken.
    pub(crate) fn set_endpoints(&self, mut endpoints: Vec<String>, config: &Config) {
        let mut known = HashSet::new();
        endpoints.retain(|text| known.insert(text.clone()));
        if endpoints.is_empty() {
            return;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let slot = |text: &String| match slots.iter().find(|slot| slot.endpoint().as_str() == text) {
            Some(slot) => slot.clone(),
            None => Arc::new(Slot::new(Endpoint::parse(text), config)),
        };
        *slots = endpoints.iter().map(slot).collect();
        drop(slots);
        // Who waits for one of the old may find one of the new.
        self.changed.notify_waiters();
    }

    pub(crate) fn len(&self) -> usize {
        self.slots().len()
    }

    /// Addresses as they were given, or set.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.slots().iter().map(|slot| slot.endpoint().as_str().to_owned()).collect()
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
        let slots = self.slots();
        for offset in 0..slots.len() {
            let slot = &slots[start.wrapping_add(offset) % slots.len()];
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
        let reasons: Vec<_> = self.slots().iter().filter_map(|slot| slot.reason()).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
