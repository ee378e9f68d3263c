//! The task that compacts by itself: asks the schedule, proposes what is due.

use super::{CompactionSchedule, Shared};
use crate::{config::AutoCompaction, service::Propose, status};
use oxetcd_api::etcdserverpb::{CompactionRequest, InternalRaftRequest};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use tonic::Status;

/// The task; see the module's header.
pub(crate) struct AutoCompact {
    shared: Arc<Shared>,
    schedule: CompactionSchedule,
    began: Instant,
}

impl AutoCompact {
    /// The task that `policy` asks for, if it asks for one.
    pub(crate) fn new(shared: Arc<Shared>, policy: AutoCompaction) -> Option<Self> {
        let began = Instant::now();
        let schedule =
            CompactionSchedule::new(policy, began.elapsed(), shared.machine.load().store().revision())?;
        Some(AutoCompact { shared, schedule, began })
    }

    /// Runs until the member is over.
    pub(crate) async fn run(mut self) {
        let over = self.shared.fate.token();
        loop {
            tokio::select! {
                () = over.cancelled() => return,
                () = tokio::time::sleep(self.schedule.interval()) => {}
            }
            let leads = self.shared.position.leader.load(Ordering::Relaxed) == self.shared.member_id;
            let current = self.shared.machine.load().store().revision();
            if let Some(revision) = self.schedule.due(self.began.elapsed(), current, leads) {
                self.compact(revision).await;
            }
        }
    }

    async fn compact(&mut self, revision: i64) {
        tracing::info!(revision, "starting auto compaction");
        let began = Instant::now();
        match self.propose(revision).await {
            Ok(()) => {
                tracing::info!(revision, took = ?began.elapsed(), "completed auto compaction");
                self.schedule.done(self.began.elapsed(), revision);
            }
            Err(status) => {
                let retry = self.schedule.interval();
                let error = status.message();
                tracing::warn!(revision, "retry-interval" = ?retry, error, "failed auto compaction");
            }
        }
    }

    async fn propose(&self, revision: i64) -> Result<(), Status> {
        let compaction = Some(CompactionRequest { revision, ..Default::default() });
        let request = InternalRaftRequest { compaction, ..Default::default() };
        match self.shared.propose(request)?.await {
            // Somebody else was quicker.
            Err(error) if error.message() == status::compacted().message() => Ok(()),
            done => done.map(drop),
        }
    }
}
