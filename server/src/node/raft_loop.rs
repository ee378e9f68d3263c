//! The raft loop: the one thread that owns the raft core and the write-ahead log.
//!
//! It sleeps until something comes in, then takes ALL that waits as one batch: one append, one `fdatasync`, and
//! whoever came while that ran is the next batch. That is group commit, and it needs no timer. What raft then
//! wants done is in `ready_work`.

use super::{Committed, Input, Shared, log_keeping, proposals::Proposals, read_round::ReadRound};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use oxetcd_consensus::{
    Node, NodeError, SnapStore, Transport, Wal,
    raftpb::{Message, MessageType},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// Ticks after which a member that has just started shortens its wait for an election: time for the others to
/// be connected.
const SETTLE_TICKS: usize = 3;

/// The raft loop; see the module's header.
pub(crate) struct RaftLoop {
    pub(crate) node: Node,
    pub(crate) wal: Wal,
    pub(crate) snapshots: Arc<SnapStore>,
    pub(crate) transport: Box<dyn Transport + Send>,
    pub(crate) inbox: Receiver<Input>,
    pub(crate) apply: Sender<Committed>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) reads: ReadRound,
    pub(crate) proposals: Proposals,
    pub(crate) tick: Duration,
    /// Ticks that are counted at once soon after the start (`--initial-election-tick-advance`), so that the first
    /// election does not take its full time.
    pub(crate) advance_ticks: usize,
    /// Files of the log that are kept though no longer needed (`--max-wals`); 0 keeps all.
    pub(crate) max_wals: usize,
    /// Applied entries that stay in memory for members that lag, once there are others.
    pub(crate) catchup_entries: u64,
    /// Index of the newest snapshot record in the log.
    pub(crate) snapshot_index: u64,
    /// Most learners (`--max-learners`).
    pub(crate) max_learners: usize,
}

impl RaftLoop {
    /// Runs until told to stop, or until the member fails.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.begin().and_then(|()| self.serve()) {
            self.shared.fate.fail(error);
        }
        self.shared.position.sole_leader.store(false, Ordering::Release);
        if let Err(error) = self.wal.close() {
            tracing::error!(error = %error, "failed to close the write-ahead log");
        }
    }

    /// A lone voter need not wait for an election.
    fn begin(&mut self) -> Result<(), String> {
        // What was committed before the restart may change who votes.
        self.work()?;
        if self.alone() {
            self.node.campaign().map_err(text)?;
        }
        self.work()
    }

    /// Whether this member is the only voter.
    pub(super) fn alone(&self) -> bool {
        self.node.conf_state().voters == [self.shared.member_id]
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut next_tick = Instant::now() + self.tick;
        let mut settling = SETTLE_TICKS;
        loop {
            let stop = match self.inbox.recv_deadline(next_tick) {
                Ok(first) => self.take(first)?,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let now = Instant::now();
            if now >= next_tick {
                if now >= next_tick + self.tick {
                    self.note_lateness();
                }
                next_tick = now + self.tick;
                self.node.tick();
                self.shared.position.ticked_ms.store(self.shared.clock.now_ms(), Ordering::Relaxed);
                settling = settling.saturating_sub(1);
                if settling == 0 {
                    self.advance();
                }
            }
            if self.reads.expire(self.shared.limits.request_timeout) {
                self.shared.metrics.server.read_indexes_failed.inc();
            }
            self.proposals.hand_in(&mut self.node, &self.shared.waiters).map_err(text)?;
            self.look_back();
            self.ask(false)?;
            self.work()?;
            if self.reads.unasked() {
                // They came while the round was out that has just been answered.
                self.ask(false)?;
                self.work()?;
            }
            self.answer_reads();
            if stop {
                return Ok(());
            }
        }
    }

    /// A leader whose ticks are late sends its heartbeats late, to each of the others.
    fn note_lateness(&self) {
        if self.shared.position.leader.load(Ordering::Relaxed) == self.shared.member_id {
            let others = self.shared.peers.ids().len() as u64;
            self.shared.metrics.server.heartbeat_send_failures.inc_by(others);
        }
    }

    /// Whoever has found a leader by now need not hurry.
    fn advance(&mut self) {
        let ticks = std::mem::take(&mut self.advance_ticks);
        if self.node.status().leader == 0 {
            (0..ticks).for_each(|_| self.node.tick());
        }
    }

    /// Takes everything that waits; `true` when that was the end.
    fn take(&mut self, first: Input) -> Result<bool, String> {
        let mut stop = false;
        let mut next = Some(first);
        while let Some(input) = next {
            match input {
                Input::Propose { id, data } => self.proposals.add(id, data),
                Input::ProposeInTerm { id, data, term } => self.proposals.add_in_term(id, data, term),
                Input::ConfChange(change) => self.proposals.add_change(change),
                Input::Read(waiter) => self.reads.add(waiter),
                Input::Step(message) => self.step(*message),
                Input::Unreachable(id) => self.node.report_unreachable(id),
                Input::Undelivered(message) => self.proposals.bring_back(*message, &self.node),
                Input::SnapshotSent { id, arrived } => self.node.report_snapshot(id, arrived),
                Input::OfferSnapshot(snapshot) => self.node.offer_snapshot(*snapshot),
                Input::TransferLeader(id) => self.node.transfer_leader(id),
                Input::Status(asker) => {
                    // Whoever asked may have gone.
                    let _ = asker.send(self.node.status());
                }
                Input::SnapshotSaved(record) => self.snapshot_saved(&record)?,
                Input::Applied(index) => self.applied(index),
                Input::Stop => stop = true,
            }
            next = if self.proposals.full() { None } else { self.inbox.try_recv().ok() };
        }
        Ok(stop)
    }

    /// A message that makes no sense is dropped: the network may bring anything.
    fn step(&mut self, message: Message) {
        if message.r#type() == MessageType::MsgProp && !self.node.takes_proposals() {
            return self.proposals.hold(message);
        }
        if let Err(error) = self.node.step(message)
            && !matches!(error, NodeError::ProposalDropped)
        {
            tracing::debug!(error = %error, "ignored a message of another member");
        }
    }

    /// Requests that went to an earlier leader and are in nobody's log are answered before their time is up.
    fn look_back(&mut self) {
        let (node, applied) = (&self.node, &self.shared.position.applied);
        self.proposals.look_back(node.term(), &self.shared.waiters, || {
            let commit = node.status().commit;
            node.term_at(commit) == Some(node.term()) && applied.load(Ordering::Acquire) >= commit
        });
    }

    /// Asks for an index for the reads that wait. A sole voter that leads has nobody to ask.
    pub(super) fn ask(&mut self, again: bool) -> Result<(), String> {
        if self.reads.is_empty() || self.shared.position.sole_leader.load(Ordering::Relaxed) || self.alone() {
            return Ok(());
        }
        if self.reads.ask(&mut self.node, again).map_err(text)? {
            self.shared.metrics.server.slow_read_indexes.inc();
        }
        Ok(())
    }

    /// Reads may go on once this member leads alone and has committed an entry of its term: everything
    /// acknowledged by an earlier leader comes before that entry.
    fn answer_reads(&mut self) {
        let position = &self.shared.position;
        let leading = position.sole_leader.load(Ordering::Relaxed);
        if leading && self.reads.is_empty() {
            return;
        }
        let status = self.node.status();
        let settled = self.node.term_at(status.commit) == Some(status.term);
        let sole = self.alone() && status.leader == self.shared.member_id && settled;
        let caught_up = position.applied.load(Ordering::Acquire) >= status.commit;
        if sole && (caught_up || leading) {
            position.sole_leader.store(true, Ordering::Release);
            for waiter in self.reads.drain() {
                // Whoever asked may have gone.
                let _ = waiter.send(());
            }
        } else if sole {
            self.shared.applied_waits.add(status.commit, self.reads.drain());
        }
    }

    fn applied(&mut self, index: u64) {
        self.node.compact(log_keeping::needless_up_to(index, &self.node.status(), self.catchup_entries));
    }
}

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
