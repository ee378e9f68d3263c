//! What the peers' transport asks of the member that it belongs to.

use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};
use oxetcd_consensus::raftpb;
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// The member behind the transport.
///
/// Called from tasks of the runtime and from the raft thread: nothing here may block.
pub trait PeerHost: Send + Sync + 'static {
    /// A message for raft. It came from a socket: raft's edge checks it.
    fn step(&self, message: raftpb::Message);

    /// Messages to this member were lost.
    fn unreachable(&self, id: u64);

    /// This message certainly never left this member. Told of proposals only: raft sends everything else again by
    /// itself, and a proposal that may have arrived must not be made twice.
    fn undelivered(&self, message: raftpb::Message) {
        let _ = message;
    }

    /// What became of a snapshot: `arrived` when the other side has it on disk.
    fn snapshot_sent(&self, id: u64, arrived: bool);

    /// Whether this member was removed from the cluster. It will not be one again.
    fn is_removed(&self, id: u64) -> bool;

    /// Whether this member holds anything of the v2 API. As long as it does, whoever cannot read its entries takes
    /// no part in the cluster.
    fn has_v2(&self) -> bool {
        false
    }

    /// Whether a message has entries of the v2 API in it: it is for those who can read them.
    fn carries_v2(&self, message: &raftpb::Message) -> bool {
        let _ = message;
        false
    }

    /// Another member says that this one was removed.
    fn this_member_was_removed(&self);

    /// The database to send with `message`, a `MsgSnap`.
    fn open_snapshot(&self, message: &raftpb::Message) -> BoxFuture<'static, io::Result<OutgoingSnapshot>>;

    /// Where a received database goes that holds everything up to this index of the log.
    fn snapshot_path(&self, index: u64) -> PathBuf;

    /// Who wants to know about the traffic with a member.
    fn observer(&self, id: u64) -> Arc<dyn PeerObserver> {
        let _ = id;
        Arc::new(())
    }
}

/// A database on its way to another member.
pub struct OutgoingSnapshot {
    /// Takes the place of the message's snapshot: it describes the database that really goes out, which
    /// may be newer than the one that raft had in mind.
    pub snapshot: raftpb::Snapshot,
    /// Bytes of the database.
    pub length_bytes: u64,
    /// The database. An error in it ends the transfer.
    pub chunks: BoxStream<'static, io::Result<Bytes>>,
}

/// Told of the traffic with one member, for metrics. Everything defaults to nothing.
pub trait PeerObserver: Send + Sync {
    /// The member answers, or does no longer.
    fn active(&self, active: bool) {
        let _ = active;
    }
    /// Bytes of messages were sent.
    fn sent(&self, bytes: u64) {
        let _ = bytes;
    }
    /// An append of entries was sent.
    fn append_sent(&self, bytes: u64) {
        let _ = bytes;
    }
    /// A message was not sent.
    fn send_failed(&self) {}
    /// Bytes of messages were received.
    fn received(&self, bytes: u64) {
        let _ = bytes;
    }
    /// A message was received that could not be used.
    fn receive_failed(&self) {}
    /// The time to the member and back.
    fn round_trip(&self, time: Duration) {
        let _ = time;
    }
    /// A snapshot begins to be sent.
    fn snapshot_sending(&self) {}
    /// A snapshot that began to be sent is done with; the time it took if it arrived.
    fn snapshot_send_ended(&self, took: Option<Duration>) {
        let _ = took;
    }
    /// A database that came with a snapshot is on disk: the time from its first byte to its name, and the part of
    /// it that waited for the device.
    fn snapshot_written(&self, whole: Duration, sync: Duration) {
        let _ = (whole, sync);
    }
    /// A snapshot begins to be received.
    fn snapshot_receiving(&self) {}
    /// A snapshot that began to be received is done with; the time it took if it is complete.
    fn snapshot_receive_ended(&self, took: Option<Duration>) {
        let _ = took;
    }
}

impl PeerObserver for () {}
