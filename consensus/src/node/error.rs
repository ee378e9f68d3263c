//! Why a node does not do what it was asked.

use thiserror::Error;

/// Why a node does not do what it was asked. None of these harms the node.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NodeError {
    /// The settings contradict each other.
    #[error("raft: invalid settings: {0}")]
    InvalidConfig(String),
    /// The log does not fit together, or not with the state machine.
    #[error("raft: invalid log: {0}")]
    InvalidLog(String),
    /// There is no leader, or it is handing over; the proposal is lost and may be made again.
    #[error("raft: proposal dropped")]
    ProposalDropped,
    /// A change of members is not applied yet; the next one has to wait.
    #[error("raft: a membership change is pending")]
    ConfChangePending,
    /// The change of members is impossible (it would leave no voter, for example).
    #[error("raft: membership change refused: {0}")]
    ConfChangeRefused(String),
    /// This member cannot be elected now: it is no voter, or has membership changes still to apply.
    #[error("raft: cannot campaign")]
    CannotCampaign,
    /// Nobody is known to lead.
    #[error("raft: no leader")]
    NoLeader,
    /// The leader (this member) has not committed an entry of its term, so it does not know yet what is
    /// committed.
    #[error("raft: the leader is not ready for reads")]
    NotReady,
    /// The id of a read is not above that of the one before it. An answer to the earlier one would be taken
    /// for its own, and be stale.
    #[error("raft: the id of a read was used before")]
    ReadIdReused,
    /// The message comes from a member that is not known here.
    #[error("raft: unknown sender {0:x}")]
    UnknownSender(u64),
    /// The message makes no sense, here or at all. It is ignored.
    #[error("raft: bad message: {0}")]
    BadMessage(&'static str),
}

impl From<raft::Error> for NodeError {
    fn from(error: raft::Error) -> NodeError {
        match error {
            raft::Error::ProposalDropped => NodeError::ProposalDropped,
            raft::Error::StepLocalMsg => NodeError::BadMessage("not for other members"),
            raft::Error::ConfigInvalid(text) => NodeError::InvalidConfig(text),
            other => NodeError::InvalidLog(other.to_string()),
        }
    }
}
