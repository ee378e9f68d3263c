//! The way to the other members.

use crate::pb::raftpb;

/// Sends messages to other members.
///
/// Delivery is not promised: messages may be lost, doubled and reordered, but not altered. `send` must not
/// wait for the network, as the raft thread calls it. What comes back goes to
/// [`Node::step`](crate::Node::step), and failures that are noticed to
/// [`Node::report_unreachable`](crate::Node::report_unreachable) and
/// [`Node::report_snapshot`](crate::Node::report_snapshot), each on the raft thread.
pub trait Transport {
    /// Takes messages, each for the member in its `to`. Often there are none.
    fn send(&mut self, messages: Vec<raftpb::Message>);
}

/// For a cluster of one: there is nobody to send to.
impl Transport for () {
    fn send(&mut self, _: Vec<raftpb::Message>) {}
}
