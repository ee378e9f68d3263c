//! What the raft loop is told, by anyone, through one channel: a closed enum, so that every event and its order
//! can be seen in one place.

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use oxetcd_consensus::{node::Status, raftpb, walpb};
use tokio::sync::oneshot;

/// One event for the raft loop.
pub(crate) enum Input {
    /// A request for the log.
    Propose {
        /// Who waits for it.
        id: u64,
        /// The request, encoded.
        data: Bytes,
    },
    /// A request that only the leader of a term may make; it is lost if this member is not that.
    ProposeInTerm {
        /// Who waits for it.
        id: u64,
        /// The request, encoded.
        data: Bytes,
        /// The term.
        term: u64,
    },
    /// A change of the members for the log. Its `id` says who waits for it.
    ConfChange(raftpb::ConfChange),
    /// A linearizable read that waits.
    Read(oneshot::Sender<()>),
    /// A message from another member.
    Step(Box<raftpb::Message>),
    /// The last message to this member did not arrive.
    Unreachable(u64),
    /// These proposals for the leader certainly never left this member.
    Undelivered(Box<raftpb::Message>),
    /// The snapshot for a member arrived, or did not.
    SnapshotSent {
        /// The member.
        id: u64,
        /// Whether it has it.
        arrived: bool,
    },
    /// A snapshot for members that lag too far behind for entries.
    OfferSnapshot(Box<raftpb::Snapshot>),
    /// Leadership is to go to this member.
    TransferLeader(u64),
    /// Somebody asks how raft stands.
    Status(oneshot::Sender<Status>),
    /// A snapshot of the state is safe on disk: the log before it may go.
    SnapshotSaved(walpb::Snapshot),
    /// Entries up to this one have been applied here.
    Applied(u64),
    /// Stop when everything before this has been handled.
    Stop,
}

/// Sends events to the raft loop.
#[derive(Clone)]
pub(crate) struct Inbox(Sender<Input>);

impl Inbox {
    /// A channel.
    pub(crate) fn new() -> (Inbox, Receiver<Input>) {
        let (sender, receiver) = unbounded();
        (Inbox(sender), receiver)
    }

    /// Events that wait.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Sends an event; `false` when the loop has ended.
    pub(crate) fn send(&self, input: Input) -> bool {
        self.0.send(input).is_ok()
    }
}
