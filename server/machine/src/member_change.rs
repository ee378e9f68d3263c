//! A change of the members: what it asks for, and why it may be refused.

use crate::Member;

/// What a configuration change means for the list of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A member is new.
    Add(Member),
    /// A learner gets a vote.
    Promote(u64),
    /// A member is reached elsewhere from now on.
    Update {
        /// The member.
        id: u64,
        /// Where the others reach it.
        peer_urls: Vec<String>,
    },
    /// A member is gone for good.
    Remove(u64),
}

impl MemberChange {
    /// The member that it is about.
    pub fn id(&self) -> u64 {
        match self {
            MemberChange::Add(member) => member.id,
            MemberChange::Promote(id) | MemberChange::Remove(id) | MemberChange::Update { id, .. } => *id,
        }
    }
}

/// Why a change of the members changes nothing. Every member comes to the same verdict on the same entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// The member was removed once, and a removed id never comes back.
    #[error("membership: ID removed")]
    Removed,
    /// There is a member of that id.
    #[error("membership: ID exists")]
    Exists,
    /// There is no member of that id.
    #[error("membership: ID not found")]
    NotFound,
    /// Another member has one of the peer URLs.
    #[error("membership: peerURL exists")]
    PeerUrlExists,
    /// The member to be promoted votes already.
    #[error("membership: can only promote a learner member")]
    NotLearner,
    /// There are as many learners as may be.
    #[error("membership: too many learner members in cluster")]
    TooManyLearners,
    /// Raft cannot carry it out: it would take the last vote.
    #[error("membership: the last voting member cannot be removed")]
    LastVoter,
}
