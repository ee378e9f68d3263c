//! A look at a node from outside.

use super::ready::Role;

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
