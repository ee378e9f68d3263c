//! A leader that has removed itself.
//!
//! Its removal takes effect when it is applied, and it is the first to know: the others learn from it that the
//! entry is committed. If it fell silent now, a cluster of two would be stuck, as the one who stays needs the
//! other's vote until then. So it leads on without a say: it sends heartbeats and what the others lack, counts
//! nothing as committed, takes no proposals, answers no reads, and asks a member that has everything to take
//! over, again and again until somebody does.
//!
//! An entry that the leader logs behind its own removal could make that impossible: nobody gets the vote of a
//! member that has more than itself, and if this one crashes before it has passed the entry on, a cluster of two
//! is stuck for good. So from the proposal of its removal on it takes no others.
//!
//! The algorithm itself has no such state. It stops the process when a leader that is no member learns that an
//! entry is on disk, here or elsewhere, so these two events do not get that far.

use prost::Message as _;
use raft::eraftpb::{Message, MessageType};
use raft::{ProgressState, RawNode, StateRole, Storage};

use super::Node;
use crate::pb::raftpb;

/// Whether this member leads a cluster that it is no member of.
pub(super) fn departed<S: Storage>(raw: &RawNode<S>) -> bool {
    raw.raft.state == StateRole::Leader && raw.raft.prs().get(raw.raft.id).is_none()
}

/// A tick of a departed leader.
pub(super) fn tick<S: Storage>(raw: &mut RawNode<S>) {
    raw.ping();
    let raft = &mut raw.raft;
    let last = raft.raft_log.last_index();
    let complete = |id: &u64| raft.prs().get(*id).is_some_and(|progress| progress.matched == last);
    let Some(heir) = raft.prs().conf().voters().ids().iter().filter(complete).min() else { return };
    let message = Message {
        msg_type: MessageType::MsgTimeoutNow,
        to: heir,
        from: raft.id,
        term: raft.term,
        ..Default::default()
    };
    raft.msgs.push(message);
}

/// Takes a follower's confirmation in place of a departed leader, and drops questions; gives back every other
/// message.
pub(super) fn step<S: Storage>(raw: &mut RawNode<S>, message: Message) -> Option<Message> {
    let raft = &mut raw.raft;
    if message.msg_type == MessageType::MsgReadIndex {
        // Of a single voter the algorithm believes that it is this member, and would answer at once.
        return None;
    }
    let confirmation = message.msg_type == MessageType::MsgAppendResponse && !message.reject;
    if !confirmation || message.term != raft.term {
        return Some(message);
    }
    let from = message.from;
    let progress = raft.mut_prs().get_mut(from)?;
    progress.recent_active = true;
    if progress.maybe_update(message.index) {
        match progress.state {
            ProgressState::Probe => progress.become_replicate(),
            ProgressState::Snapshot if progress.is_snapshot_caught_up() => progress.become_probe(),
            ProgressState::Snapshot => {}
            ProgressState::Replicate => progress.ins.free_to(message.index),
        }
        raft.send_append(from);
    }
    None
}

/// Whether a change of members removes this one.
pub(super) fn removes(change: &raftpb::ConfChange, id: u64) -> bool {
    change.r#type() == raftpb::ConfChangeType::ConfChangeRemoveNode && change.node_id() == id
}

/// Whether another member's proposal would remove this one.
pub(super) fn proposes_removal(message: &raftpb::Message, id: u64) -> bool {
    let changes = |entry: &raftpb::Entry| {
        entry.r#type() == raftpb::EntryType::EntryConfChange
            && raftpb::ConfChange::decode(entry.data()).is_ok_and(|change| removes(&change, id))
    };
    message.r#type() == raftpb::MessageType::MsgProp && message.entries.iter().any(changes)
}

impl Node {
    /// A proposal was taken; `removal`: of this member.
    pub(super) fn note_leaving(&mut self, removal: bool) {
        if removal && self.raw.raft.state == StateRole::Leader {
            self.leaving_in = self.raw.raft.term;
        }
    }

    /// Whether this member leads, and waits for its own removal.
    pub(super) fn leaves(&self) -> bool {
        let raft = &self.raw.raft;
        raft.state == StateRole::Leader && self.leaving_in == raft.term && raft.has_pending_conf()
    }
}
