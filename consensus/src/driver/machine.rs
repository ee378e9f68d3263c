//! What the log is for.

use std::io;

use crate::pb::raftpb;

/// Applies committed entries.
///
/// Called in log order, each entry once per run of the process. An error means that this member's own
/// storage failed, never that an entry was refused: that is a result like any other, the same on all
/// members. After an error the member stops.
pub trait StateMachine {
    /// Takes entries to apply. They may be queued for another thread; [`StateMachine::applied`] tells how far
    /// it has come. They need not be durable: after a crash, what is above the durable applied index is
    /// taken from the log again.
    ///
    /// # Errors
    /// Local I/O errors.
    fn apply(&mut self, entries: Vec<raftpb::Entry>) -> io::Result<()>;

    /// Replaces the whole state by a leader's snapshot, and makes it durable before it returns: the log
    /// forgets what was before it.
    ///
    /// # Errors
    /// Local I/O errors, or a snapshot that is damaged or missing.
    fn restore(&mut self, snapshot: &raftpb::Snapshot) -> io::Result<()>;

    /// The index of the last entry applied. It must not pass a membership change before
    /// [`Node::apply_conf_change`](crate::Node::apply_conf_change) was called for it: a member may campaign
    /// only under the membership that it knows to be committed.
    fn applied(&self) -> u64;
}
