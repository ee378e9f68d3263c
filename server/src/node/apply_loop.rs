//! The apply loop: the one thread that changes the state machine.
//!
//! It takes committed entries in turns (see [`oxetcd_machine::Turn`]), then lets everybody know: readers by the
//! applied index, watchers by events, proposers by answers - in this order, so that whoever has an answer also
//! finds its effect.

use super::{CommitLoop, CompactLoop, Exchange, Input, Shared, apply_meter::ApplyMeter};
use crate::{conf_change::Decided, metrics::Op, service::Read};
use crossbeam_channel::Receiver;
use oxetcd_api::EventBatch;
use oxetcd_consensus::raftpb::{Entry, EntryType, SnapshotMetadata};
use oxetcd_machine::{ApplyError, Effects, Machine, Outcome, Response, meta::Applied};
use oxetcd_storage::Durability;
use oxetcd_watch::Hub;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

/// Most entries of one turn: a turn holds back the commit loop and the leases' users.
const TURN_LIMIT: usize = 512;
/// The engine may lag this far behind, in bytes, before applying waits for it.
const PENDING_LIMIT_BYTES: usize = 256 << 20;
/// Applied entries after which the raft loop is told, so that it can forget them.
const TELL_AFTER: u64 = 256;

/// What the cluster has agreed on, on its way to the state machine.
pub(crate) enum Committed {
    /// Entries of the log.
    Entries {
        /// In order.
        entries: Vec<Entry>,
        /// For each entry that changes the configuration: what was decided about it.
        changes: Vec<Decided>,
    },
    /// A leader's state in place of entries that this member has missed. Its file and its record in the
    /// log are durable by now, and its database was received before.
    Snapshot(SnapshotMetadata),
}

/// The apply loop; see the module's header.
pub(crate) struct ApplyLoop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) committed: Receiver<Committed>,
    pub(crate) commits: CommitLoop,
    pub(crate) compactions: CompactLoop,
    pub(crate) exchange: Exchange,
    pub(crate) hub: Arc<Hub>,
    pub(crate) told: u64,
}

impl ApplyLoop {
    /// Runs until the raft loop ends, or until the member fails.
    pub(crate) fn run(mut self) {
        while let Ok(committed) = self.committed.recv() {
            let done = match committed {
                Committed::Entries { entries, changes } => self.apply(entries, changes),
                Committed::Snapshot(metadata) => {
                    let running = self.shared.metrics.server.snapshot_apply_in_progress.clone();
                    running.set(1);
                    let restored = self.restore(&metadata);
                    running.set(0);
                    restored
                }
            };
            if let Err(error) = done {
                self.shared.fate.fail(error);
                break;
            }
        }
        self.shared.applied_waits.close();
    }

    fn apply(&mut self, entries: Vec<Entry>, changes: Vec<Decided>) -> Result<(), String> {
        let mut changes = changes.into_iter();
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let turn: Vec<Entry> = entries.by_ref().take(TURN_LIMIT).collect();
            self.turn(turn, &mut changes)?;
            self.hold_back()?;
        }
        Ok(())
    }

    /// Puts the state that a leader sent in the place of this member's.
    fn restore(&mut self, metadata: &SnapshotMetadata) -> Result<(), String> {
        let shared = &self.shared;
        if shared.position.applied.load(Ordering::Relaxed) >= metadata.index() {
            return Ok(());
        }
        let compaction = self.exchange.restore(shared, metadata)?;
        let machine = shared.machine.load_full();
        let applied = machine.applied().map_err(|error| error.to_string())?.index;
        shared.measure();
        let compacted = machine.store().compacted();
        if let Some(compaction) = compaction {
            self.compactions.run(&machine, compaction);
        }
        shared.compacted.send_if_modified(|done| std::mem::replace(done, compacted.max(*done)) < compacted);
        shared.position.applied.store(applied, Ordering::Release);
        shared.applied_waits.reached(applied);
        shared.logins.replaced(machine.auth().revision());
        // Watchers read up what they have missed, as far as it is still there.
        self.hub.reset();
        tracing::info!(index = applied, revision = machine.store().revision(), "restored snapshot");
        shared.note_role();
        shared.meet_members();
        self.told = applied;
        self.shared.inbox.send(Input::Applied(applied));
        Ok(())
    }

    fn turn(
        &mut self,
        entries: Vec<Entry>,
        changes: &mut impl Iterator<Item = Decided>,
    ) -> Result<(), String> {
        let shared = self.shared.clone();
        let done = shared.position.applied.load(Ordering::Relaxed);
        let mut answers: Vec<(u64, Op, Outcome)> = Vec::with_capacity(entries.len());
        let mut changed = Vec::new();
        let mut events = Vec::new();
        let mut last = done;
        let machine = shared.machine.load();
        let mut turn = machine.begin(shared.clock.now_ms());
        let mut meter = ApplyMeter::new(&shared.metrics, shared.limits.warn_apply);
        for entry in entries {
            let at = Applied { index: entry.index(), term: entry.term() };
            let change = (entry.r#type() == EntryType::EntryConfChange).then(|| changes.next()).flatten();
            // Entries that the engine already has come again after a restart.
            if at.index <= done {
                continue;
            }
            last = at.index;
            if let Some(Decided { id, verdict, conf_state, .. }) = change {
                let refusal = verdict.as_ref().err().copied();
                turn.apply_conf_change(at, verdict.ok(), conf_state);
                let outcome = match refusal {
                    Some(refusal) => Err(ApplyError::Member(refusal)),
                    None => Ok(Response::Members(machine.members().list())),
                };
                shared.note_role();
                changed.push((id, outcome));
                continue;
            }
            let awaited = |id| shared.waiters.has(id);
            let data = entry.data.unwrap_or_default();
            let applied = turn.apply(at, data.clone(), &awaited);
            let (id, outcome, effects) = applied.map_err(|error| error.to_string())?;
            let op = meter.note(&data, &outcome, &effects);
            self.take_up(&machine, effects, &mut events);
            if id != 0 {
                answers.push((id, op, outcome));
            }
        }
        drop(turn);
        drop(meter);
        shared.position.applied.store(last, Ordering::Release);
        shared.applied_waits.reached(last);
        if !events.is_empty() {
            self.hub.publish(events);
        }
        let now = Instant::now();
        for (id, op, outcome) in answers {
            if let Some(since) = shared.waiters.answer(id, outcome) {
                shared.metrics.server.requested(op, true, now.saturating_duration_since(since));
            }
        }
        for (id, outcome) in changed {
            shared.waiters.answer(id, outcome);
        }
        self.tell(last);
        Ok(())
    }

    fn take_up(&self, machine: &Arc<Machine>, effects: Effects, events: &mut Vec<EventBatch>) {
        events.extend(effects.events);
        if let Some(compaction) = effects.compaction {
            self.compactions.run(machine, compaction);
        }
        if let Some(change) = effects.auth {
            let revision = machine.auth().revision();
            self.shared.logins.applied(change, revision, self.shared.clock.now_ms());
            self.shared.metrics.server.auth_revision.set(revision as i64);
        }
    }

    fn tell(&mut self, applied: u64) {
        if applied >= self.told + TELL_AFTER {
            self.told = applied;
            self.shared.inbox.send(Input::Applied(applied));
        }
    }

    /// Wakes the commit loop when the batch is full, and waits for it when the engine cannot keep up at all.
    fn hold_back(&self) -> Result<(), String> {
        let machine = self.shared.machine.load();
        let pending = machine.buffer().pending();
        self.commits.look(pending.ops);
        if pending.bytes > PENDING_LIMIT_BYTES {
            self.shared.metrics.queues.apply_held_back.inc();
            machine.buffer().commit(Durability::Synced).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
