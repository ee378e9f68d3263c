//! One member: a node over the real log, driven as a server's raft loop drives it.
//!
//! The order of work on a `Ready` is the one that its documentation asks for. What a server leaves to other
//! threads is left for later here: a disk that is slow (further input is taken while a `Ready` waits for it),
//! and a state machine that lags.

use std::collections::VecDeque;

use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::driver::snapshot_record;
use oxetcd_consensus::node::{ReadState, Role};
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, ConfState, Entry, EntryType, Message, Snapshot};
use oxetcd_consensus::{Node, Ready, SnapError, SnapStore, Wal, WalError};
use prost::Message as _;

use crate::counts::Seen;
use crate::oracle::Oracle;
use crate::plan::{Plan, Sabotage};
use crate::random::Random;
use crate::reads::{Read, Reads};
use crate::store::{Put, Store, highest};

/// What a member works with, besides itself.
pub(crate) struct Around<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) random: &'a mut Random,
    pub(crate) oracle: &'a mut Oracle,
    pub(crate) outbox: &'a mut Vec<Message>,
}

/// Why a member does not go on.
pub(crate) enum Stop {
    /// Its disk failed: it crashes.
    Disk(String),
    /// It did what must not be.
    Violation(String),
}

impl From<WalError> for Stop {
    fn from(error: WalError) -> Stop {
        Stop::Disk(error.to_string())
    }
}

impl From<SnapError> for Stop {
    fn from(error: SnapError) -> Stop {
        Stop::Disk(error.to_string())
    }
}

impl From<String> for Stop {
    fn from(what: String) -> Stop {
        Stop::Violation(what)
    }
}

/// Committed, and to be applied.
pub(crate) enum Work {
    /// With the members after it, if it changes them.
    Entry(Entry, Option<ConfState>),
    Restore(Snapshot),
}

/// A put whose client waits at this member.
pub(crate) struct Waiting {
    pub(crate) put: Put,
    /// The newest version that was known when the put was begun.
    pub(crate) floor: u64,
}

/// A member, up or down.
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) disk: MemDisk,
    /// What a crash leaves of the state machine: an engine that commits now and then.
    pub(crate) engine: Store,
    pub(crate) process: Option<Process>,
    /// Counts its starts.
    pub(crate) life: u64,
    pub(crate) tick_time: u64,
    /// It does nothing until then.
    pub(crate) busy_until: u64,
    /// A fault of the disk was asked for, so an error of it is no surprise.
    pub(crate) disk_may_fail: bool,
}

/// What a member has while it is up.
pub(crate) struct Process {
    pub(crate) node: Node,
    pub(crate) wal: Wal,
    pub(crate) snaps: SnapStore,
    pub(crate) store: Store,
    pub(crate) queue: VecDeque<Work>,
    /// Waiting for the disk, each with the term of the entry before its own.
    pub(crate) unsynced: VecDeque<(Ready, Option<u64>)>,
    pub(crate) puts: Vec<Waiting>,
    pub(crate) reads: Reads,
    /// The highest id of a member so far, in what was handed over.
    pub(crate) highest_id: u64,
    /// Index of the last snapshot made here, or received.
    pub(crate) snapshot_index: u64,
    /// An event is under way that stands for the disk, and for the state machine.
    pub(crate) sync_coming: bool,
    pub(crate) apply_coming: bool,
}

impl Member {
    /// Does what the node wants done.
    pub(crate) fn work(&mut self, around: &mut Around<'_>) -> Result<(), Stop> {
        let Some(process) = &mut self.process else { return Ok(()) };
        while let Some(ready) = process.node.ready() {
            process.begin(self.id, ready, around)?;
        }
        if process.node.snapshot_wanted() && process.store.index > 0 {
            process.node.offer_snapshot(process.store.snapshot());
        }
        process.answer_reads(self.id, around)?;
        if around.plan.apply_time == 0 {
            self.apply(usize::MAX, around)?;
        }
        Ok(())
    }

    /// The disk has come to what waits for it, or to some of it.
    pub(crate) fn sync(&mut self, around: &mut Around<'_>) -> Result<(), Stop> {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.sync_coming = false;
        let all = process.unsynced.len() as u64;
        let some = if around.random.chance(700) { all } else { around.random.between(all.min(1), all) };
        for (ready, previous) in process.unsynced.drain(..some as usize).collect::<Vec<_>>() {
            process.persist(self.id, ready, previous, around)?;
        }
        self.work(around)
    }

    /// The state machine has come to some of what is committed.
    pub(crate) fn apply_some(&mut self, around: &mut Around<'_>) -> Result<(), Stop> {
        if let Some(process) = &mut self.process {
            process.apply_coming = false;
        }
        let most = around.random.between(1, 20) as usize;
        self.apply(most, around)?;
        self.work(around)
    }

    /// Applies up to `most` of what is committed.
    fn apply(&mut self, most: usize, around: &mut Around<'_>) -> Result<(), Stop> {
        let Some(process) = &mut self.process else { return Ok(()) };
        for _ in 0..most {
            let Some(work) = process.queue.pop_front() else { break };
            process.apply(self.id, work, around)?;
        }
        process.answer_reads(self.id, around)?;
        if around.random.chance(200) {
            self.engine = process.store.clone();
        }
        if process.store.index >= process.snapshot_index + around.plan.snapshot_entries {
            process.save_snapshot(around)?;
        }
        Ok(())
    }
}

impl Process {
    /// What is done with a `Ready` before it is on disk.
    fn begin(&mut self, id: u64, mut ready: Ready, around: &mut Around<'_>) -> Result<(), Stop> {
        around.outbox.append(&mut ready.messages);
        if around.plan.sabotage == Sabotage::PromiseBeforeFsync {
            around.outbox.append(&mut ready.persisted_messages);
        }
        let previous = match ready.entries.first().map(Entry::index) {
            None | Some(1) => Some(0),
            Some(index) => self.node.term_at(index - 1),
        };
        if ready.soft_state.is_some_and(|state| state.role == Role::Leader) {
            around.oracle.leads(id, &self.node)?;
        }
        for state in std::mem::take(&mut ready.read_states) {
            self.read_answered(state, around);
        }
        let mut committed = std::mem::take(&mut ready.committed);
        if around.plan.sabotage == Sabotage::ApplyUncommitted {
            let normal = |entry: &&Entry| entry.r#type() == EntryType::EntryNormal;
            let early = ready.entries.iter().filter(normal).cloned();
            self.queue.extend(early.map(|entry| Work::Entry(entry, None)));
            committed.retain(|entry| !normal(&entry));
        }
        // These are durable already. And should a snapshot come before the disk is done, it brings newer members.
        self.hand_over(id, committed, around)?;
        if around.plan.sync_time > 0 && (ready.must_sync || !self.unsynced.is_empty()) {
            self.unsynced.push_back((ready, previous));
            return Ok(());
        }
        self.persist(id, ready, previous, around)
    }

    fn read_answered(&mut self, state: ReadState, around: &Around<'_>) {
        let sabotage = around.plan.sabotage;
        let index = if sabotage == Sabotage::ReadBeforeApply { 0 } else { state.index };
        self.reads.answer(ReadState { index, ..state }, &mut self.node, sabotage);
    }

    /// The disk's part of a `Ready`, and what may follow it. Its entries come after one of term `previous`.
    fn persist(
        &mut self,
        id: u64,
        mut ready: Ready,
        previous: Option<u64>,
        around: &mut Around<'_>,
    ) -> Result<(), Stop> {
        if let Some(snapshot) = &ready.snapshot {
            self.snaps.save(snapshot)?;
            self.wal.save_snapshot(&snapshot_record(snapshot))?;
            self.snapshot_index = snapshot_record(snapshot).index();
        }
        if around.plan.sabotage == Sabotage::ForgetVote
            && let Some(state) = &mut ready.hard_state
        {
            state.vote = Some(0);
        }
        self.wal.append(&ready.entries, ready.hard_state.as_ref(), ready.must_sync)?;
        around.oracle.appends(id, previous, &ready.entries)?;
        around.outbox.append(&mut ready.persisted_messages);
        self.node.persisted(ready.number);
        if let Some(snapshot) = ready.snapshot {
            self.node.applied_to(snapshot_record(&snapshot).index());
            self.highest_id = Store::restore(&snapshot)?.highest_id;
            self.queue.push_back(Work::Restore(snapshot));
        }
        Ok(())
    }

    /// Committed entries go to the state machine; for raft they count as applied once the members are changed.
    fn hand_over(&mut self, id: u64, entries: Vec<Entry>, around: &mut Around<'_>) -> Result<(), Stop> {
        for entry in entries {
            let index = entry.index();
            let members = match entry.r#type() {
                EntryType::EntryNormal => None,
                _ => Some(self.change_members(id, &entry, around)?),
            };
            self.queue.push_back(Work::Entry(entry, members));
            self.node.applied_to(index);
        }
        Ok(())
    }

    fn change_members(
        &mut self,
        id: u64,
        entry: &Entry,
        around: &mut Around<'_>,
    ) -> Result<ConfState, String> {
        let mut change = ConfChange::decode(entry.data()).map_err(|error| error.to_string())?;
        if !possible(&change, &self.node.conf_state(), self.highest_id) {
            change.node_id = Some(0);
        }
        let members = self.node.apply_conf_change(&change).map_err(|error| error.to_string())?;
        self.highest_id = self.highest_id.max(highest(&members));
        // Founders know each other before the log says so.
        if entry.index() > around.plan.founders {
            around.oracle.changes_members(id, entry.index(), &members)?;
        }
        Ok(members)
    }

    fn apply(&mut self, id: u64, work: Work, around: &mut Around<'_>) -> Result<(), Stop> {
        let term = self.node.status().term;
        match work {
            Work::Restore(snapshot) => {
                around.oracle.counts.see(Seen::SnapshotReceived);
                self.store = Store::restore(&snapshot)?;
                around.oracle.applies(id, &self.store, None, term)?;
            }
            Work::Entry(entry, members) => {
                let put = self.store.apply(&entry, members)?;
                around.oracle.applies(id, &self.store, put, term)?;
                let waits = self.puts.iter().position(|waiting| Some(waiting.put) == put);
                if let Some(waiting) = waits.map(|at| self.puts.swap_remove(at)) {
                    around.oracle.write_ends(waiting.put.key, self.store.index, waiting.floor)?;
                }
            }
        }
        Ok(())
    }

    fn answer_reads(&mut self, id: u64, around: &mut Around<'_>) -> Result<(), String> {
        for read in self.reads.due(self.store.index) {
            around.oracle.read_ends(id, read, &self.store)?;
        }
        Ok(())
    }

    /// A snapshot of the state machine takes the place of the log's beginning.
    fn save_snapshot(&mut self, around: &mut Around<'_>) -> Result<(), Stop> {
        around.oracle.counts.see(Seen::SnapshotMade);
        let snapshot = self.store.snapshot();
        self.snaps.save(&snapshot)?;
        self.wal.save_snapshot(&snapshot_record(&snapshot))?;
        self.snapshot_index = self.store.index;
        self.wal.release_to(self.snapshot_index);
        self.wal.purge(1)?;
        self.snaps.purge(2)?;
        self.node.compact(self.snapshot_index.saturating_sub(around.plan.kept_entries));
        Ok(())
    }

    /// A client's put.
    pub(crate) fn put(&mut self, put: Put, padding: u64, oracle: &Oracle) {
        let floor = oracle.write_begins();
        if self.node.propose(vec![put.encode(padding)]).is_ok() {
            self.puts.push(Waiting { put, floor });
        }
    }

    /// A client's read.
    pub(crate) fn read(&mut self, read: Read, sabotage: Sabotage) {
        self.reads.add(read, &mut self.node, sabotage);
    }
}

/// Whether a change of members can be carried out; the same everywhere, as it depends on what is committed.
/// An id that was removed does not come back.
fn possible(change: &ConfChange, members: &ConfState, highest_id: u64) -> bool {
    let id = change.node_id();
    let (votes, learns) = (members.voters.contains(&id), members.learners.contains(&id));
    match change.r#type() {
        ConfChangeType::ConfChangeAddNode => learns || id > highest_id,
        ConfChangeType::ConfChangeAddLearnerNode => id > highest_id,
        ConfChangeType::ConfChangeRemoveNode => learns || (votes && members.voters.len() > 1),
        ConfChangeType::ConfChangeUpdateNode => false,
    }
}
