//! A look at a node from outside.

use raft::StateRole;

use super::ready::Role;
use super::{Node, departure};

/// How far a leader has brought another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerProgress {
    /// The member.
    pub id: u64,
    /// The highest index known to be in its log.
    pub matched: u64,
    /// The index to be sent to it next.
    pub next: u64,
    /// Whether it was heard of within the last election timeout.
    pub recently_active: bool,
    /// Whether it does not vote.
    pub learner: bool,
    /// Whether a snapshot is under way to it.
    pub snapshot_pending: bool,
}

/// A node's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// This member.
    pub id: u64,
    /// The current term.
    pub term: u64,
    /// Whom it votes for in this term; 0 for nobody.
    pub vote: u64,
    /// The leader; 0 if none is known.
    pub leader: u64,
    /// This member's role.
    pub role: Role,
    /// The highest index known to be committed.
    pub commit: u64,
    /// What the state machine has said it applied.
    pub applied: u64,
    /// The last index in the log.
    pub last_index: u64,
    /// The member that leadership is being handed to; 0 for none.
    pub transferee: u64,
    /// All members, sorted by id; empty unless this one leads.
    pub progress: Vec<PeerProgress>,
}

impl Node {
    /// This member's state.
    pub fn status(&self) -> Status {
        let raft = &self.raw.raft;
        let leads = raft.state == StateRole::Leader;
        let conf = raft.prs().conf();
        let peer = |(&id, progress): (&u64, &raft::Progress)| PeerProgress {
            id,
            matched: progress.matched,
            next: progress.next_idx,
            recently_active: progress.recent_active || id == raft.id,
            learner: conf.learners().contains(&id),
            snapshot_pending: progress.state == raft::ProgressState::Snapshot,
        };
        let mut progress: Vec<_> = raft.prs().iter().filter(|_| leads).map(peer).collect();
        progress.sort_unstable_by_key(|peer| peer.id);
        Status {
            id: raft.id,
            term: raft.term,
            vote: raft.vote,
            leader: raft.leader_id,
            role: raft.state.into(),
            commit: raft.raft_log.committed,
            applied: raft.raft_log.applied,
            last_index: raft.raft_log.last_index(),
            transferee: raft.lead_transferee.unwrap_or(0),
            progress,
        }
    }

    /// Whether proposals have somewhere to go: this member leads and stays so, or knows who does. Those made at
    /// another time are dropped.
    pub fn takes_proposals(&self) -> bool {
        let raft = &self.raw.raft;
        let stays = raft.lead_transferee.is_none() && !self.leaves() && !departure::departed(&self.raw);
        raft.leader_id != 0 && stays
    }

    /// This member.
    pub fn id(&self) -> u64 {
        self.raw.raft.id
    }

    /// The term that this member is in.
    pub fn term(&self) -> u64 {
        self.raw.raft.term
    }

    /// Whether this member leads, and in this term.
    pub fn leads_in(&self, term: u64) -> bool {
        self.raw.raft.state == StateRole::Leader && self.raw.raft.term == term
    }
}
