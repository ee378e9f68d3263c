//! One lease.

use crate::attached::List;
use crate::schedule::UNSCHEDULED;

/// A deadline that never comes: what every lease has on a member that is not the primary.
pub(crate) const FOREVER: u64 = u64::MAX;

/// A lease as the book holds it. Small on purpose: there may be a million of them.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Granted TTL in seconds.
    pub(crate) ttl_s: i64,
    /// Remaining TTL as last checkpointed, in seconds; 0 when there is no checkpoint.
    pub(crate) remaining_s: i64,
    /// When it expires, on the primary's clock.
    pub(crate) deadline_ms: u64,
    /// Its place in the expiry schedule.
    pub(crate) expiry_slot: u64,
    /// Its place in the checkpoint schedule.
    pub(crate) checkpoint_slot: u64,
    /// Keys that hang on it.
    pub(crate) keys: List,
}

impl Lease {
    pub(crate) fn new(ttl_s: i64, remaining_s: i64) -> Self {
        Lease {
            ttl_s,
            remaining_s,
            deadline_ms: FOREVER,
            expiry_slot: UNSCHEDULED,
            checkpoint_slot: UNSCHEDULED,
            keys: List::default(),
        }
    }

    /// What the lease still had when it was last written down, in milliseconds: what a member that takes over
    /// would give it.
    pub(crate) fn stored_ms(&self) -> u64 {
        let seconds = if self.remaining_s > 0 { self.remaining_s } else { self.ttl_s };
        u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
    }

    /// Granted TTL in milliseconds.
    pub(crate) fn ttl_ms(&self) -> u64 {
        u64::try_from(self.ttl_s).unwrap_or(0).saturating_mul(1000)
    }
}
