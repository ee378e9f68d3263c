//! The book's other half: the primary's clock.

use crate::{LeaseBook, LeaseError, lease::Lease};
use oxetcd_api::{LeaseId, etcdserverpb::LeaseCheckpoint};

/// A renewed lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Its TTL in seconds, all of which is left now.
    pub ttl_s: i64,
    /// A checkpoint says that less is left. The caller replicates one with a remaining TTL of 0 before it
    /// answers, or the next primary would cut the lease short.
    pub clear_checkpoint: bool,
}

impl LeaseBook {
    /// Starts the clock: every lease gets what was last stored of its TTL plus `extend_ms`, which makes up for
    /// the time in which nobody counted. Deadlines that come too thick are moved back, never forward.
    pub fn promote(&mut self, now_ms: u64, extend_ms: u64) {
        self.stop_clock();
        self.primary = true;
        let from_ms = now_ms.saturating_add(extend_ms);
        let deadline = |(id, lease): (&LeaseId, &Lease)| (from_ms.saturating_add(lease.stored_ms()), *id);
        let mut deadlines: Vec<(u64, LeaseId)> = self.leases.iter().map(deadline).collect();
        deadlines.sort_unstable();
        spread(&mut deadlines, self.config.revokes_per_s);
        for (deadline_ms, id) in deadlines {
            self.refresh(now_ms, id, deadline_ms - now_ms);
        }
    }

    /// Stops the clock: another member is primary, or none.
    pub fn demote(&mut self) {
        self.primary = false;
        self.stop_clock();
    }

    /// Gives a lease its whole TTL again.
    ///
    /// # Errors
    /// [`LeaseError::NotPrimary`], [`LeaseError::NotFound`], and [`LeaseError::Expired`] for a lease whose
    /// revocation is on its way: it cannot be saved any more.
    pub fn renew(&mut self, now_ms: u64, id: LeaseId) -> Result<Renewal, LeaseError> {
        if !self.primary {
            return Err(LeaseError::NotPrimary);
        }
        let lease = self.leases.get(&id).ok_or(LeaseError::NotFound)?;
        if lease.deadline_ms <= now_ms {
            return Err(LeaseError::Expired);
        }
        let (ttl_s, ttl_ms) = (lease.ttl_s, lease.ttl_ms());
        let clear_checkpoint = lease.remaining_s > 0;
        self.refresh(now_ms, id, ttl_ms);
        Ok(Renewal { ttl_s, clear_checkpoint })
    }

    /// Up to `limit` leases that are over, the longest overdue first; empty when not primary. Each comes up
    /// again after [`retry_ms`](crate::LeaseConfig::retry_ms) unless it was revoked meanwhile.
    /// O(log n) a lease.
    pub fn expired(&mut self, now_ms: u64, limit: usize) -> Vec<LeaseId> {
        let mut over = Vec::new();
        let retry_at = now_ms.saturating_add(self.config.retry_ms.max(1));
        while over.len() < limit {
            let Some((at_ms, id)) = self.expiry.first() else { break };
            if at_ms > now_ms {
                break;
            }
            let lease = self.leases.get_mut(&id);
            let Some(lease) = lease.filter(|l| l.expiry_slot == at_ms) else {
                self.expiry.take_first(None);
                continue;
            };
            self.expiry.take_first(Some(&mut lease.expiry_slot));
            if lease.deadline_ms > at_ms {
                // Renewed since: its entry was early.
                self.expiry.at_latest(&mut lease.expiry_slot, lease.deadline_ms, id);
            } else {
                self.expiry.at_latest(&mut lease.expiry_slot, retry_at, id);
                over.push(id);
            }
        }
        over
    }

    /// The time before which [`LeaseBook::expired`] has nothing to say; `None` when it never will as things
    /// stand. May be earlier than the next deadline, never later.
    pub fn next_deadline(&self) -> Option<u64> {
        self.expiry.first().map(|(at_ms, _)| at_ms)
    }

    /// Up to `limit` checkpoints that are due: see the crate's header. A checkpoint that is not applied comes up
    /// again after an interval.
    pub fn checkpoint_due(&mut self, now_ms: u64, limit: usize) -> Vec<LeaseCheckpoint> {
        let interval_ms = self.config.checkpoint_ms;
        let mut due = Vec::new();
        while due.len() < limit {
            let Some((at_ms, id)) = self.checkpoints.first() else { break };
            if at_ms > now_ms {
                break;
            }
            let lease = self.leases.get_mut(&id);
            let Some(lease) = lease.filter(|l| l.checkpoint_slot == at_ms) else {
                self.checkpoints.take_first(None);
                continue;
            };
            self.checkpoints.take_first(Some(&mut lease.checkpoint_slot));
            let left_ms = lease.deadline_ms.saturating_sub(now_ms);
            if left_ms == 0 {
                continue;
            }
            // The moment at which the lease will have aged by an interval since it was last stored.
            let due_ms = (now_ms + left_ms).saturating_sub(lease.stored_ms()).saturating_add(interval_ms);
            let next_ms = if due_ms <= now_ms {
                due.push(checkpoint(id, left_ms));
                now_ms.saturating_add(interval_ms.max(1))
            } else {
                due_ms
            };
            if next_ms < lease.deadline_ms {
                self.checkpoints.at_latest(&mut lease.checkpoint_slot, next_ms, id);
            }
        }
        due
    }

    /// What is left of every lease that has aged since it was last stored: what a primary replicates before it
    /// stops. A lease that is over gets one second, for 0 would mean its whole TTL. In order of id.
    pub fn checkpoint_all(&self, now_ms: u64) -> Vec<LeaseCheckpoint> {
        if !self.primary {
            return Vec::new();
        }
        let all = self.leases.iter().map(|(id, lease)| {
            let now = checkpoint(*id, lease.deadline_ms.saturating_sub(now_ms));
            (now, lease.stored_ms())
        });
        let aged = |(now, stored_ms): (LeaseCheckpoint, u64)| {
            let left_ms = now.remaining_ttl.unsigned_abs().saturating_mul(1000);
            (left_ms < stored_ms).then_some(now)
        };
        let mut aged: Vec<LeaseCheckpoint> = all.filter_map(aged).collect();
        aged.sort_unstable_by_key(|checkpoint| checkpoint.id);
        aged
    }

    /// Gives a lease `span_ms` from now.
    pub(crate) fn refresh(&mut self, now_ms: u64, id: LeaseId, span_ms: u64) {
        let Some(lease) = self.leases.get_mut(&id) else { return };
        lease.deadline_ms = now_ms.saturating_add(span_ms);
        self.expiry.at_latest(&mut lease.expiry_slot, lease.deadline_ms, id);
        let interval_ms = self.config.checkpoint_ms;
        if span_ms > interval_ms {
            self.checkpoints.at_latest(&mut lease.checkpoint_slot, now_ms.saturating_add(interval_ms), id);
        }
        self.sweep();
    }
}

/// `left_ms` as a checkpoint, rounded up: a lease may live longer than promised, not shorter.
fn checkpoint(id: LeaseId, left_ms: u64) -> LeaseCheckpoint {
    let remaining_ttl = i64::try_from(left_ms.div_ceil(1000).max(1)).unwrap_or(i64::MAX);
    LeaseCheckpoint { id, remaining_ttl }
}

/// Moves sorted deadlines back until no second holds more than three quarters of `per_s` of them; the rest is
/// for leases that expire in the ordinary way.
fn spread(deadlines: &mut [(u64, LeaseId)], per_s: usize) {
    let window = (per_s - per_s / 4).max(1);
    for at in window..deadlines.len() {
        let earliest = deadlines[at - window].0.saturating_add(1000);
        deadlines[at].0 = deadlines[at].0.max(earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LeaseConfig;
    use oxetcd_storage::{Buffer, Memory};
    use std::sync::Arc;

    #[test]
    fn schedules_stay_small_however_often_leases_come_and_go() {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let mut book = LeaseBook::open(&buffer, LeaseConfig::default()).unwrap();
        book.promote(0, 0);
        let step = buffer.begin();
        for id in 1..=20_000 {
            book.grant(&step, 0, id, 1_000_000).unwrap();
            book.renew(1, id).unwrap();
            book.revoke(&step, id).unwrap();
        }
        assert!(book.is_empty());
        assert!(book.expiry.len() < 3_000 && book.checkpoints.len() < 3_000);
    }

    #[test]
    fn spreads_without_moving_anything_forward() {
        let mut deadlines: Vec<(u64, LeaseId)> = (0..10).map(|id| (5_000, id)).collect();
        spread(&mut deadlines, 4);
        let times: Vec<u64> = deadlines.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [5000, 5000, 5000, 6000, 6000, 6000, 7000, 7000, 7000, 8000]);
    }
}
