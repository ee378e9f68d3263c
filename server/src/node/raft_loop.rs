//! The raft loop: the one thread that owns the raft core and the write-ahead log.
//!
//! It sleeps until something comes in, then takes ALL that waits as one batch: one append, one `fdatasync`, and
//! whoever came while that ran is the next batch. That is group commit, and it needs no timer.

use super::{Committed, Input, Shared};
use crate::conf_change;
use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use oxetcd_consensus::{Node, NodeError, Ready, Wal, raftpb, walpb};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Most proposals of one batch.
const BATCH_LIMIT: usize = 4096;

/// The raft loop; see the module's header.
pub(crate) struct RaftLoop {
    pub(crate) node: Node,
    pub(crate) wal: Wal,
    pub(crate) inbox: Receiver<Input>,
    pub(crate) apply: Sender<Committed>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tick: Duration,
    /// Files of the log that are kept though no longer needed (`--max-wals`); 0 keeps all.
    pub(crate) max_wals: usize,
    /// Applied entries that stay in memory for members that lag, once there are others.
    pub(crate) catchup_entries: u64,
}

/// What one look into the inbox brought.
#[derive(Default)]
struct Batch {
    proposals: Vec<Bytes>,
    stop: bool,
}

impl RaftLoop {
    /// Runs until told to stop, or until the member fails.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.lead().and_then(|()| self.serve()) {
            self.shared.fate.fail(error);
        }
        self.shared.position.sole_leader.store(false, Ordering::Release);
        if let Err(error) = self.wal.close() {
            tracing::error!(error = %error, "failed to close the write-ahead log");
        }
    }

    /// A lone voter need not wait for an election.
    fn lead(&mut self) -> Result<(), String> {
        // What was committed before the restart may change who votes.
        self.work()?;
        if self.alone() {
            self.node.campaign().map_err(text)?;
        }
        self.work()
    }

    /// Whether this member is the only voter.
    fn alone(&self) -> bool {
        self.node.conf_state().voters == [self.shared.member_id]
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut reads = Vec::new();
        let mut next_tick = Instant::now() + self.tick;
        loop {
            let batch = match self.inbox.recv_deadline(next_tick) {
                Ok(first) => self.collect(first, &mut reads)?,
                Err(RecvTimeoutError::Timeout) => Batch::default(),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if Instant::now() >= next_tick {
                next_tick = Instant::now() + self.tick;
                self.node.tick();
            }
            self.propose(batch.proposals)?;
            self.work()?;
            self.answer_reads(&mut reads);
            if batch.stop {
                return Ok(());
            }
        }
    }

    /// Takes everything that waits.
    fn collect(&mut self, first: Input, reads: &mut Vec<oneshot::Sender<()>>) -> Result<Batch, String> {
        let mut batch = Batch::default();
        let mut next = Some(first);
        while let Some(input) = next {
            match input {
                Input::Propose(data) => batch.proposals.push(data),
                Input::Read(waiter) => reads.push(waiter),
                Input::SnapshotSaved { index, term } => self.snapshot_saved(index, term)?,
                Input::Applied(index) => self.applied(index),
                Input::Stop => batch.stop = true,
            }
            let full = batch.proposals.len() >= BATCH_LIMIT;
            next = if full { None } else { self.inbox.try_recv().ok() };
        }
        Ok(batch)
    }

    fn propose(&mut self, proposals: Vec<Bytes>) -> Result<(), String> {
        if proposals.is_empty() {
            return Ok(());
        }
        match self.node.propose(proposals) {
            Ok(()) => Ok(()),
            // There is no leader: the proposers time out and try again.
            Err(NodeError::ProposalDropped) => Ok(()),
            Err(error) => Err(text(error)),
        }
    }

    /// Does what raft has ready, until it has no more.
    fn work(&mut self) -> Result<(), String> {
        while let Some(ready) = self.node.ready() {
            self.note(&ready);
            self.save(&ready)?;
            self.node.persisted(ready.number);
            self.hand_over(ready.committed)?;
        }
        Ok(())
    }

    /// Publishes what has changed in the member's position.
    fn note(&self, ready: &Ready) {
        let position = &self.shared.position;
        if let Some(state) = &ready.soft_state {
            let previous = position.leader.swap(state.leader, Ordering::Relaxed);
            let leads = state.leader == self.shared.member_id;
            if !leads {
                position.sole_leader.store(false, Ordering::Release);
            }
            self.shared.metrics.leader_changed(previous, state.leader, leads);
            let leader = format!("{:x}", state.leader);
            tracing::info!(leader, term = self.node.status().term, "leader changed");
        }
        if let Some(state) = &ready.hard_state {
            position.term.store(state.term(), Ordering::Relaxed);
        }
    }

    fn save(&mut self, ready: &Ready) -> Result<(), String> {
        if ready.entries.is_empty() && ready.hard_state.is_none() {
            return Ok(());
        }
        let began = Instant::now();
        self.wal.append(&ready.entries, ready.hard_state.as_ref(), ready.must_sync).map_err(text)?;
        if ready.must_sync {
            self.shared.metrics.wal_synced(began.elapsed());
        }
        self.shared.metrics.disk.wal_write_bytes.set(self.wal.written_bytes() as i64);
        Ok(())
    }

    /// Gives committed entries to the apply loop. Changes of the configuration are made here first.
    fn hand_over(&mut self, entries: Vec<raftpb::Entry>) -> Result<(), String> {
        let Some(last) = entries.last().map(|entry| entry.index()) else { return Ok(()) };
        self.shared.position.committed.store(last, Ordering::Relaxed);
        let mut changes = Vec::new();
        for entry in entries.iter().filter(|entry| entry.r#type() == raftpb::EntryType::EntryConfChange) {
            let change = conf_change::decode(entry)?;
            let state = self.node.apply_conf_change(&change.raft).map_err(text)?;
            changes.push((entry.index(), change.member, conf_change::encode_state(&state)));
        }
        // For raft an entry counts as applied once its change of the configuration, if any, is made.
        self.node.applied_to(last);
        // The apply loop ends before this one only when the member has failed.
        let _ = self.apply.send(Committed { entries, changes });
        Ok(())
    }

    /// Reads may go on once this member leads and has committed an entry of its term: everything acknowledged
    /// by an earlier leader comes before that entry.
    fn answer_reads(&mut self, reads: &mut Vec<oneshot::Sender<()>>) {
        let status = self.node.status();
        let settled = self.node.term_at(status.commit) == Some(status.term);
        let sole = self.alone() && status.leader == self.shared.member_id && settled;
        let caught_up = self.shared.position.applied.load(Ordering::Acquire) >= status.commit;
        let position = &self.shared.position;
        if sole && (caught_up || position.sole_leader.load(Ordering::Relaxed)) {
            position.sole_leader.store(true, Ordering::Release);
            for waiter in reads.drain(..) {
                // Whoever asked may have gone.
                let _ = waiter.send(());
            }
        }
        reads.retain(|waiter| !waiter.is_closed());
    }

    fn applied(&mut self, index: u64) {
        let keep = if self.alone() { 0 } else { self.catchup_entries };
        self.node.compact(index.saturating_sub(keep));
    }

    fn snapshot_saved(&mut self, index: u64, term: u64) -> Result<(), String> {
        let conf_state = Some(self.node.conf_state().clone());
        let record = walpb::Snapshot { index: Some(index), term: Some(term), conf_state };
        self.wal.save_snapshot(&record).map_err(text)?;
        self.wal.release_to(index);
        if self.max_wals > 0 {
            let purged = self.wal.purge(self.max_wals).map_err(text)?;
            if purged > 0 {
                tracing::info!(files = purged, "purged write-ahead log files");
            }
        }
        Ok(())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
