//! The lease loop: proposes the end of leases that have expired, and writes remaining TTLs down from time to
//! time. It also lets go of requests that nobody will answer any more.

use super::Shared;
use crate::service::Propose;
use oxetcd_api::etcdserverpb::{
    InternalRaftRequest, LeaseCheckpoint, LeaseCheckpointRequest, LeaseRevokeRequest,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(500);
/// Leases ended in one round. The log takes thousands of entries a second; the limit keeps the rest of the
/// traffic going while a pile of them expires.
const REVOKES_PER_ROUND: usize = 2000;
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
        loop {
            tokio::select! {
                () = over.cancelled() => return,
                _ = timer.tick() => self.round(),
            }
        }
    }

    fn round(&self) {
        if let Some(deadline) = Instant::now().checked_sub(self.shared.request_timeout) {
            let failed = self.shared.waiters.expire(deadline);
            self.shared.metrics.server.proposals_failed.inc_by(failed as u64);
        }
        let leads = self.shared.position.leader.load(Ordering::Relaxed) == self.shared.member_id;
        let now_ms = self.shared.clock.now_ms();
        let (expired, due) = {
            let machine = self.shared.machine.load();
            let mut book = machine.leases().lock();
            match (leads, book.is_primary()) {
                (true, false) => book.promote(now_ms, self.extend_ms),
                (false, true) => book.demote(),
                _ => {}
            }
            if !leads {
                return;
            }
            (book.expired(now_ms, REVOKES_PER_ROUND), book.checkpoint_due(now_ms, CHECKPOINTS_PER_ENTRY))
        };
        self.shared.metrics.server.leases_expired.inc_by(expired.len() as u64);
        for id in expired {
            let lease_revoke = Some(LeaseRevokeRequest { id });
            self.propose(InternalRaftRequest { lease_revoke, ..Default::default() });
        }
        if !due.is_empty() {
            self.propose(checkpoint(due));
        }
    }

    /// Nobody waits for the answer: what is lost comes up again in a later round.
    fn propose(&self, request: InternalRaftRequest) {
        if let Err(error) = self.shared.propose(request) {
            tracing::warn!(error = %error.message(), "lease bookkeeping was not taken into the log");
        }
    }
}

/// The entry that writes remaining TTLs down.
pub(crate) fn checkpoint(checkpoints: Vec<LeaseCheckpoint>) -> InternalRaftRequest {
    let lease_checkpoint = Some(LeaseCheckpointRequest { checkpoints });
    InternalRaftRequest { lease_checkpoint, ..Default::default() }
}
