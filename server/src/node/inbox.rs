//! What the raft loop is told, by anyone, through one channel: a closed enum, so that every event and its order
//! can be seen in one place.

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::oneshot;

/// One event for the raft loop.
pub(crate) enum Input {
    /// A request for the log, encoded.
    Propose(Bytes),
    /// A linearizable read that waits.
    Read(oneshot::Sender<()>),
    /// A snapshot of the state up to this entry is safe on disk: the log before it may go.
    SnapshotSaved {
        /// Index of its last entry.
        index: u64,
        /// Term of that entry.
        term: u64,
    },
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

    /// Sends an event; `false` when the loop has ended.
    pub(crate) fn send(&self, input: Input) -> bool {
        self.0.send(input).is_ok()
    }
}
