//! What a node wants done.

use crate::pb::raftpb;

/// What a member is at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Follows a leader, or waits for one.
    #[default]
    Follower,
    /// Asks whether it could win an election.
    PreCandidate,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

impl From<raft::StateRole> for Role {
    fn from(role: raft::StateRole) -> Role {
        match role {
            raft::StateRole::Follower => Role::Follower,
            raft::StateRole::PreCandidate => Role::PreCandidate,
            raft::StateRole::Candidate => Role::Candidate,
            raft::StateRole::Leader => Role::Leader,
        }
    }
}

/// Who leads, and what this member is. Not written to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftState {
    /// The leader; 0 if none is known.
    pub leader: u64,
    /// This member's role.
    pub role: Role,
}

/// The answer to [`Node::read_index`](super::Node::read_index): once the state machine has applied `index`,
/// reading it is linearizable for everyone who asked before the read of that id was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadState {
    /// The id given.
    pub id: u64,
    /// The commit index at that time.
    pub index: u64,
}

/// Work for the caller, in this order:
///
/// 1. send `messages` (at once; a leader replicates while it writes);
/// 2. if there is a `snapshot`: make it durable, then its record in the log;
/// 3. append `entries` and `hard_state` to the log, and wait for the disk if `must_sync`;
/// 4. send `persisted_messages`, which promise what was just written;
/// 5. [`Node::persisted`](super::Node::persisted) with `number`;
/// 6. hand `snapshot` and then `committed` to the state machine, which tells
///    [`Node::applied_to`](super::Node::applied_to) later. Membership changes among them go through
///    [`Node::apply_conf_change`](super::Node::apply_conf_change).
///
/// Further ones may be taken before the earlier are persisted, but steps 2 to 5 are done in order of `number`.
/// Whoever does that hands `committed` over at once, as these entries are durable already, and carries out the
/// membership changes among them before it tells the node anything else: a leader's snapshot comes with the
/// members of its index, and an older change must not be made to those.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ready {
    /// Counts up; names this one to [`Node::persisted`](super::Node::persisted).
    pub number: u64,
    /// Present if it changed.
    pub soft_state: Option<SoftState>,
    /// Present if it changed. If it is only the commit index that did, `must_sync` does not say so: losing
    /// it is harmless.
    pub hard_state: Option<raftpb::HardState>,
    /// To be appended. The first may have an index that is in the log already; it and all after it are
    /// replaced.
    pub entries: Vec<raftpb::Entry>,
    /// A leader's snapshot that takes the place of the whole log. The entries come after it.
    pub snapshot: Option<raftpb::Snapshot>,
    /// Whether `entries`, `hard_state` and `snapshot` have to be durable before step 4.
    pub must_sync: bool,
    /// To be sent at once.
    pub messages: Vec<raftpb::Message>,
    /// To be sent when step 3 is done.
    pub persisted_messages: Vec<raftpb::Message>,
    /// Committed and durable here: to be applied, in order.
    pub committed: Vec<raftpb::Entry>,
    /// Answers to reads.
    pub read_states: Vec<ReadState>,
}
