//! The book's replicated half: which leases there are, and what hangs on them.

use crate::{
    LeaseConfig, LeaseError, MAX_TTL_S,
    attached::Attached,
    lease::{FOREVER, Lease},
    schedule::{Schedule, UNSCHEDULED},
};
use hashbrown::HashMap;
use oxetcd_api::{LeaseId, leasepb};
use oxetcd_storage::{Buffer, Error, Step, Table};
use prost::Message;
use std::ops::ControlFlow;

/// All leases of a member. See the crate's header.
#[derive(Debug)]
pub struct LeaseBook {
    pub(crate) config: LeaseConfig,
    pub(crate) leases: HashMap<LeaseId, Lease>,
    pub(crate) primary: bool,
    pub(crate) expiry: Schedule,
    pub(crate) checkpoints: Schedule,
    attached: Attached,
}

/// What [`LeaseBook::time_to_live`] knows of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    /// Whole seconds that are left; 0 when it waits for its revocation.
    pub remaining_s: i64,
    /// Granted TTL in seconds.
    pub granted_s: i64,
    /// Keys that hang on it, sorted; empty when they were not asked for.
    pub keys: Vec<Box<[u8]>>,
}

impl LeaseBook {
    /// Reads the leases that are stored. No key hangs on them yet: whoever reads the keys attaches them.
    /// The book is not primary.
    ///
    /// # Errors
    /// When the table cannot be read, or holds something that is no lease.
    pub fn open(buffer: &Buffer, config: LeaseConfig) -> oxetcd_storage::Result<Self> {
        let mut leases = HashMap::new();
        let mut damaged = None;
        buffer.scan(Table::Lease, &[], None, &mut |key, value| match read(key, value) {
            Some((id, stored)) => {
                let ttl_s = stored.ttl.max(config.min_ttl_s).max(1);
                leases.insert(id, Lease::new(ttl_s, stored.remaining_ttl));
                ControlFlow::Continue(())
            }
            None => {
                damaged = Some(format!("table lease holds a record that is no lease under key {key:02x?}"));
                ControlFlow::Break(())
            }
        })?;
        if let Some(damaged) = damaged {
            return Err(Error::Corrupt(damaged));
        }
        let (expiry, checkpoints) = (Schedule::default(), Schedule::default());
        Ok(LeaseBook { config, leases, primary: false, expiry, checkpoints, attached: Attached::default() })
    }

    /// Grants a lease of `ttl_s` seconds, raised to the configured minimum, and stores it. Returns the TTL that
    /// it got.
    ///
    /// # Errors
    /// [`LeaseError::NotFound`] for id 0, [`LeaseError::TtlTooLarge`], [`LeaseError::Exists`].
    pub fn grant(
        &mut self,
        step: &Step<'_>,
        now_ms: u64,
        id: LeaseId,
        ttl_s: i64,
    ) -> Result<i64, LeaseError> {
        if id == 0 {
            return Err(LeaseError::NotFound);
        }
        if ttl_s > MAX_TTL_S {
            return Err(LeaseError::TtlTooLarge);
        }
        if self.leases.contains_key(&id) {
            return Err(LeaseError::Exists);
        }
        let lease = Lease::new(ttl_s.max(self.config.min_ttl_s).max(1), 0);
        store(step, id, &lease);
        let granted_s = lease.ttl_s;
        self.leases.insert(id, lease);
        if self.primary {
            self.refresh(now_ms, id, granted_s.unsigned_abs().saturating_mul(1000));
        }
        Ok(granted_s)
    }

    /// Ends a lease. Returns the keys that hung on it, sorted, so that every member deletes them in the same
    /// order; they hang on nothing any more. The caller deletes them in the same step.
    ///
    /// # Errors
    /// [`LeaseError::NotFound`].
    pub fn revoke(&mut self, step: &Step<'_>, id: LeaseId) -> Result<Vec<Box<[u8]>>, LeaseError> {
        let mut lease = self.leases.remove(&id).ok_or(LeaseError::NotFound)?;
        step.delete(Table::Lease, id.to_be_bytes().to_vec());
        self.expiry.forget(&mut lease.expiry_slot);
        self.checkpoints.forget(&mut lease.checkpoint_slot);
        self.sweep();
        let mut keys = self.attached.take(lease.keys);
        keys.sort_unstable();
        Ok(keys)
    }

    /// Stores what a primary said was left of a lease, in seconds; 0 or less takes the last checkpoint back.
    /// The deadline stays: the value counts at the next promotion. An unknown lease is passed over, for the
    /// checkpoint may have been overtaken by a revocation.
    pub fn apply_checkpoint(&mut self, step: &Step<'_>, id: LeaseId, remaining_s: i64) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.remaining_s = remaining_s.max(0);
            store(step, id, lease);
        }
    }

    /// Hangs a key on a lease, off the lease that it hung on before.
    ///
    /// # Errors
    /// [`LeaseError::NotFound`]; the key then stays where it was.
    pub fn attach(&mut self, id: LeaseId, key: &[u8]) -> Result<(), LeaseError> {
        if !self.leases.contains_key(&id) {
            return Err(LeaseError::NotFound);
        }
        match self.attached.lease_of(key) {
            Some(before) if before == id => return Ok(()),
            Some(_) => {
                self.detach(key);
            }
            None => {}
        }
        if let Some(lease) = self.leases.get_mut(&id) {
            self.attached.insert(&mut lease.keys, id, key);
        }
        Ok(())
    }

    /// Takes a key off its lease, if it hangs on one; returns that lease.
    pub fn detach(&mut self, key: &[u8]) -> Option<LeaseId> {
        let id = self.attached.lease_of(key)?;
        let lease = self.leases.get_mut(&id)?;
        self.attached.remove(&mut lease.keys, key);
        Some(id)
    }

    /// The lease that a key hangs on.
    pub fn lease_of(&self, key: &[u8]) -> Option<LeaseId> {
        self.attached.lease_of(key)
    }

    /// The keys that hang on a lease, sorted; `None` when there is no such lease.
    pub fn keys(&self, id: LeaseId) -> Option<Vec<&[u8]>> {
        let mut keys: Vec<&[u8]> = self.attached.keys(self.leases.get(&id)?.keys).collect();
        keys.sort_unstable();
        Some(keys)
    }

    /// What is left of a lease, with its keys if wanted.
    ///
    /// # Errors
    /// [`LeaseError::NotPrimary`], [`LeaseError::NotFound`].
    pub fn time_to_live(&self, now_ms: u64, id: LeaseId, keys: bool) -> Result<TimeToLive, LeaseError> {
        if !self.primary {
            return Err(LeaseError::NotPrimary);
        }
        let lease = self.leases.get(&id).ok_or(LeaseError::NotFound)?;
        let remaining_s = lease.deadline_ms.saturating_sub(now_ms) / 1000;
        let keys = if keys { self.keys(id).unwrap_or_default() } else { Vec::new() };
        Ok(TimeToLive {
            remaining_s: i64::try_from(remaining_s).unwrap_or(i64::MAX),
            granted_s: lease.ttl_s,
            keys: keys.into_iter().map(Box::from).collect(),
        })
    }

    /// Whether there is such a lease.
    pub fn contains(&self, id: LeaseId) -> bool {
        self.leases.contains_key(&id)
    }

    /// All leases, the next to expire first (by id when nothing else tells them apart).
    pub fn list(&self) -> Vec<LeaseId> {
        let mut order: Vec<(u64, LeaseId)> = self.leases.iter().map(|(id, l)| (l.deadline_ms, *id)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, id)| id).collect()
    }

    /// Number of leases.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is no lease.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Number of keys that hang on leases.
    pub fn attached_len(&self) -> usize {
        self.attached.len()
    }

    /// Whether this member decides about expiry.
    pub fn is_primary(&self) -> bool {
        self.primary
    }

    /// Keeps the schedules' garbage below their live part.
    pub(crate) fn sweep(&mut self) {
        let leases = &self.leases;
        let slot = |pick: fn(&Lease) -> u64| move |id: LeaseId| leases.get(&id).map_or(UNSCHEDULED, pick);
        self.expiry.sweep(slot(|lease| lease.expiry_slot));
        self.checkpoints.sweep(slot(|lease| lease.checkpoint_slot));
    }

    /// Takes all deadlines away.
    pub(crate) fn stop_clock(&mut self) {
        for lease in self.leases.values_mut() {
            lease.deadline_ms = FOREVER;
            (lease.expiry_slot, lease.checkpoint_slot) = (UNSCHEDULED, UNSCHEDULED);
        }
        self.expiry.clear();
        self.checkpoints.clear();
    }
}

/// Reads a record of the table; `None` when it is no lease.
fn read(key: &[u8], value: &[u8]) -> Option<(LeaseId, leasepb::Lease)> {
    let id = LeaseId::from_be_bytes(key.try_into().ok()?);
    let lease = leasepb::Lease::decode(value).ok()?;
    (lease.id == id && id != 0).then_some((id, lease))
}

fn store(step: &Step<'_>, id: LeaseId, lease: &Lease) {
    let record = leasepb::Lease { id, ttl: lease.ttl_s, remaining_ttl: lease.remaining_s };
    step.put(Table::Lease, id.to_be_bytes().to_vec(), record.encode_to_vec());
}
