//! What raft wants done, in the one order that is safe (see [`oxetcd_consensus::Ready`]).
//!
//! A leader's messages go out before its own disk is asked, so that all disks of the cluster work at the same
//! time. Promises - votes, confirmations of entries - wait for the disk.

use super::{Committed, RaftLoop, raft_loop::text};
use crate::conf_change;
use oxetcd_consensus::{
    Ready,
    driver::snapshot_record,
    raftpb::{Entry, EntryType, Message, SnapshotMetadata},
    walpb,
};
use oxetcd_machine::MemberChange;
use std::sync::atomic::Ordering;

impl RaftLoop {
    /// Does what raft has ready, until it has no more.
    pub(super) fn work(&mut self) -> Result<(), String> {
        while let Some(mut ready) = self.node.ready() {
            self.note(&ready)?;
            // A majority has answered: reads need not wait for this member's disk.
            for state in std::mem::take(&mut ready.read_states) {
                if let Some((index, waiters)) = self.reads.answered(state) {
                    self.shared.applied_waits.add(index, waiters);
                }
            }
            self.send(std::mem::take(&mut ready.messages));
            self.save(&ready)?;
            self.send(std::mem::take(&mut ready.persisted_messages));
            self.node.persisted(ready.number);
            if let Some(snapshot) = ready.snapshot {
                self.replace(snapshot.metadata.unwrap_or_default());
            }
            self.hand_over(ready.committed)?;
        }
        if self.node.snapshot_wanted() {
            // The commit loop looks at every turn.
            self.shared.snapshot_wanted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Publishes what has changed in the member's position.
    fn note(&mut self, ready: &Ready) -> Result<(), String> {
        let position = &self.shared.position;
        if let Some(state) = &ready.hard_state {
            position.term.store(state.term(), Ordering::Relaxed);
        }
        let Some(state) = &ready.soft_state else { return Ok(()) };
        let previous = position.leader.swap(state.leader, Ordering::Relaxed);
        let leads = state.leader == self.shared.member_id;
        if !leads {
            position.sole_leader.store(false, Ordering::Release);
        }
        self.shared.metrics.leader_changed(previous, state.leader, leads);
        self.shared.leadership.changed(state.leader, self.node.status().term);
        if previous != state.leader {
            let leader = format!("{:x}", state.leader);
            tracing::info!(leader, term = self.node.status().term, "leader changed");
            // What was asked of the old leader will not be answered.
            self.ask(true)?;
        }
        Ok(())
    }

    fn send(&mut self, messages: Vec<Message>) {
        if !messages.is_empty() {
            self.transport.send(messages);
        }
    }

    fn save(&mut self, ready: &Ready) -> Result<(), String> {
        if let Some(snapshot) = &ready.snapshot {
            self.snapshots.save(snapshot).map_err(text)?;
            self.wal.save_snapshot(&snapshot_record(snapshot)).map_err(text)?;
        }
        // A start on the snapshot needs the commit index beside it.
        let sync = ready.must_sync || ready.snapshot.is_some();
        if ready.entries.is_empty() && ready.hard_state.is_none() && !sync {
            return Ok(());
        }
        self.wal.append(&ready.entries, ready.hard_state.as_ref(), sync).map_err(text)?;
        if !ready.entries.is_empty() {
            self.shared.metrics.queues.append_entries.observe(ready.entries.len() as f64);
        }
        self.shared.metrics.disk.wal_write_bytes.set(self.wal.written_bytes() as i64);
        Ok(())
    }

    /// Has the apply loop take a leader's state in the place of entries that this member has missed.
    fn replace(&mut self, metadata: SnapshotMetadata) {
        let index = metadata.index();
        self.snapshot_index = index;
        self.wal.release_to(index);
        self.shared.position.committed.store(index, Ordering::Relaxed);
        // The apply loop ends before this one only when the member has failed.
        let _ = self.apply.send(Committed::Snapshot(metadata));
        self.node.applied_to(index);
    }

    /// Gives committed entries to the apply loop, in runs that end before each change of the configuration.
    fn hand_over(&mut self, mut entries: Vec<Entry>) -> Result<(), String> {
        let Some(last) = entries.last().map(Entry::index) else { return Ok(()) };
        self.shared.position.committed.store(last, Ordering::Relaxed);
        while let Some(at) = entries.iter().position(|entry| entry.r#type() == EntryType::EntryConfChange) {
            let later = entries.split_off(at + 1);
            if let Some(change) = entries.pop() {
                self.pass_on(entries, Vec::new());
                self.change_members(change)?;
            }
            entries = later;
        }
        self.pass_on(entries, Vec::new());
        // For raft an entry counts as applied once its change of the configuration, if any, is made.
        self.node.applied_to(last);
        Ok(())
    }

    fn pass_on(&self, entries: Vec<Entry>, changes: Vec<conf_change::Decided>) {
        if !entries.is_empty() {
            // The apply loop ends before this one only when the member has failed.
            let _ = self.apply.send(Committed::Entries { entries, changes });
        }
    }

    /// Whether a change of the members may be made depends on who they are, so everything before it is applied
    /// first. Changes are rare.
    fn change_members(&mut self, entry: Entry) -> Result<(), String> {
        let index = entry.index();
        let before = self.shared.applied_waits.until(index.saturating_sub(1));
        if before.blocking_recv().is_err() {
            // The apply loop has ended, and has said why.
            return Ok(());
        }
        let roster = self.shared.machine.load().members().roster();
        let decided = conf_change::decide(&entry, &roster, self.max_learners, &mut self.node)?;
        if decided.verdict == Ok(MemberChange::Remove(self.shared.member_id)) {
            self.shared.fate.remove();
        }
        if let Ok(change) = &decided.verdict {
            self.follow(change);
        }
        if !self.alone() {
            // Whoever joined has a say from now on: reads ask, before anybody can hear that the change is made.
            self.shared.position.sole_leader.store(false, Ordering::Release);
        }
        self.pass_on(vec![entry], vec![decided]);
        Ok(())
    }

    /// Has the transport talk with whoever is a member now.
    fn follow(&self, change: &MemberChange) {
        let peers = &self.shared.peers;
        match change {
            MemberChange::Add(member) => peers.add(member.id, &member.peer_urls),
            MemberChange::Update { id, peer_urls } => peers.update(*id, peer_urls),
            MemberChange::Remove(id) if *id == self.shared.member_id => self.shared.fate.remove(),
            MemberChange::Remove(id) => peers.remove(*id),
            MemberChange::Promote(_) => {}
        }
    }

    /// A snapshot of the state is on disk: the log before it may go.
    pub(super) fn snapshot_saved(&mut self, record: &walpb::Snapshot) -> Result<(), String> {
        // The leader may have sent a newer one meanwhile: the newest record is the one that a start goes by.
        if record.index() <= self.snapshot_index {
            return Ok(());
        }
        self.snapshot_index = record.index();
        self.wal.save_snapshot(record).map_err(text)?;
        self.wal.release_to(record.index());
        if self.max_wals > 0 {
            let purged = self.wal.purge(self.max_wals).map_err(text)?;
            if purged > 0 {
                tracing::info!(files = purged, "purged write-ahead log files");
            }
        }
        Ok(())
    }
}
