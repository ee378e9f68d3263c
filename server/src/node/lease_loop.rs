//! The lease loop: proposes the end of leases that have expired, and writes remaining TTLs down from time to
//! time. Only the leader does that, and what it decides counts only while it leads in the same term: a member
//! that slept through the election of another leader must not end leases that have been renewed over there.
//!
//! It wakes up when the next lease is over, so that a lock stays no longer than its TTL, and otherwise twice a second.

use super::{Shared, clock::unix_nanos};
use crate::{
    access::AsUser,
    cluster::Seen,
    service::{Propose, Read},
};
use oxetcd_api::etcdserverpb::{
    InternalRaftRequest, LeaseCheckpoint, LeaseCheckpointRequest, LeaseRevokeRequest, Request,
};
use std::{sync::Arc, time::Duration};

const INTERVAL: Duration = Duration::from_millis(500);
/// Leases ended in one interval. The log takes thousands of entries a second; the limit keeps the rest of the
/// traffic going while a pile of them expires.
const REVOKES_PER_INTERVAL: usize = 2000;
/// Shortest time from one look to the next: leases that end one after the other are ended together.
const LEAST_WAIT: Duration = Duration::from_millis(10);
/// Leases of one checkpoint entry.
const CHECKPOINTS_PER_ENTRY: usize = 1000;

/// The lease loop; see the module's header.
pub(crate) struct LeaseLoop {
    pub(crate) shared: Arc<Shared>,
    /// Given to every lease when this member begins to lead, in milliseconds.
    pub(crate) extend_ms: u64,
}

impl LeaseLoop {
    /// Runs until the member is over.
    pub(crate) async fn run(self) {
        let over = self.shared.fate.token();
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut leadership = self.shared.leadership.subscribe();
        // The term in which the book became primary.
        let mut primary_in = None;
        let mut revokes_left = REVOKES_PER_INTERVAL;
        loop {
            let next_end = self.until_next_end();
            let only_ends_are_due = tokio::select! {
                () = over.cancelled() => return,
                _ = timer.tick() => {
                    revokes_left = REVOKES_PER_INTERVAL;
                    false
                }
                _ = leadership.changed() => false,
                () = tokio::time::sleep(next_end), if primary_in.is_some() && revokes_left > 0 => true,
            };
            let seen = *leadership.borrow_and_update();
            if primary_in.is_some_and(|term| !self.leads_in(seen, term)) {
                self.shared.machine.load().leases().lock().demote();
                primary_in = None;
            }
            if seen.leader == self.shared.member_id && primary_in.is_none() && self.promote(seen).await {
                primary_in = Some(seen.term);
            }
            if let Some(term) = primary_in {
                self.end_leases(term, &mut revokes_left);
                if !only_ends_are_due {
                    self.keep_books(term);
                }
            }
        }
    }

    fn leads_in(&self, seen: Seen, term: u64) -> bool {
        seen.leader == self.shared.member_id && seen.term == term
    }

    /// Starts the clock of the book, once this member has applied whatever its predecessors have committed.
    async fn promote(&self, seen: Seen) -> bool {
        let over = self.shared.fate.token();
        let caught_up = tokio::select! {
            () = over.cancelled() => false,
            done = self.shared.barrier() => done.is_ok(),
        };
        let leads = caught_up && self.leads_in(self.shared.leadership.seen(), seen.term);
        if leads {
            self.shared.machine.load().leases().lock().promote(self.shared.clock.now_ms(), self.extend_ms);
        }
        leads
    }

    /// Time until a lease may be over. A lease that is granted meanwhile lives for longer than the interval.
    fn until_next_end(&self) -> Duration {
        let next_ms = self.shared.machine.load().leases().lock().next_deadline();
        let left =
            next_ms.map(|at_ms| Duration::from_millis(at_ms.saturating_sub(self.shared.clock.now_ms())));
        left.unwrap_or(INTERVAL).clamp(LEAST_WAIT, INTERVAL)
    }

    /// Proposes the end of leases that are over, as many as may be.
    fn end_leases(&self, term: u64, revokes_left: &mut usize) {
        let now_ms = self.shared.clock.now_ms();
        let expired = self.shared.machine.load().leases().lock().expired(now_ms, *revokes_left);
        *revokes_left -= expired.len();
        self.shared.metrics.server.leases_expired.inc_by(expired.len() as u64);
        for id in expired {
            let lease_revoke = Some(LeaseRevokeRequest { id });
            let revoke = InternalRaftRequest { lease_revoke, ..Default::default() };
            // Nobody's rights end a lease that has run out: the cluster does.
            self.propose(revoke.by_cluster(&self.shared.machine.load()), term);
        }
    }

    /// Writes down what is left of leases, and ends what is over in the v2 tree.
    fn keep_books(&self, term: u64) {
        let now_ms = self.shared.clock.now_ms();
        let due = self.shared.machine.load().leases().lock().checkpoint_due(now_ms, CHECKPOINTS_PER_ENTRY);
        if self.shared.machine.load().v2().lock().has_ttl_keys() {
            self.expire_v2(term);
        }
        if !due.is_empty() {
            self.propose(checkpoint(due), term);
        }
    }

    /// Tells the v2 tree the time, so that what has expired goes.
    fn expire_v2(&self, term: u64) {
        let (method, time) = (Some("SYNC".to_owned()), Some(unix_nanos()));
        let sync = Request { method, time, ..Default::default() };
        if let Err(error) = self.shared.propose_v2(sync, Some(term)) {
            tracing::warn!(error = %error.message(), "the time was not taken into the log");
        }
    }

    /// Nobody waits for the answer: what is lost comes up again in a later round.
    fn propose(&self, request: InternalRaftRequest, term: u64) {
        if let Err(error) = self.shared.propose_in_term(request, term) {
            tracing::warn!(error = %error.message(), "lease bookkeeping was not taken into the log");
        }
    }
}

/// The entry that writes remaining TTLs down.
pub(crate) fn checkpoint(checkpoints: Vec<LeaseCheckpoint>) -> InternalRaftRequest {
    let lease_checkpoint = Some(LeaseCheckpointRequest { checkpoints });
    InternalRaftRequest { lease_checkpoint, ..Default::default() }
}
