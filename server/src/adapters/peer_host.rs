//! What the peers' transport asks of the member: newtypes joined, nothing decided.

use crate::{
    metrics::{Metrics, PeerMetrics},
    node::{Input, Outgoing, Shared, open_snapshot},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use oxetcd_consensus::raftpb::{self, MessageType};
use oxetcd_machine::v2_is_for_tree;
use oxetcd_peer::{OutgoingSnapshot, PeerHost, PeerObserver};
use prost::Message as _;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

/// The member, as its transport sees it. When the member is gone, messages are dropped.
pub(crate) struct MemberHost {
    /// The member; made together with its transport, so that one of the two has to be weak.
    pub(crate) shared: Weak<Shared>,
    /// This member's id.
    pub(crate) id: u64,
    /// Where snapshots are kept.
    pub(crate) snap_dir: PathBuf,
    /// Where traffic is counted.
    pub(crate) metrics: Arc<Metrics>,
}

impl MemberHost {
    fn tell(&self, input: Input) {
        if let Some(shared) = self.shared.upgrade() {
            // The raft loop ends before its transport only when the member stops.
            shared.inbox.send(input);
        }
    }
}

impl PeerHost for MemberHost {
    fn step(&self, message: raftpb::Message) {
        match message.r#type() {
            MessageType::MsgApp => self.metrics.appends.received(message.encoded_len() as u64),
            MessageType::MsgAppResp => self.metrics.appends.confirmed(message.from()),
            _ => {}
        }
        self.tell(Input::Step(Box::new(message)));
    }

    fn unreachable(&self, id: u64) {
        self.tell(Input::Unreachable(id));
    }

    fn undelivered(&self, message: raftpb::Message) {
        self.tell(Input::Undelivered(Box::new(message)));
    }

    fn snapshot_sent(&self, id: u64, arrived: bool) {
        self.tell(Input::SnapshotSent { id, arrived });
    }

    fn is_removed(&self, id: u64) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.machine.load().members().is_removed(id))
    }

    fn has_v2(&self) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.machine.load().v2().lock().holds_anything())
    }

    fn carries_v2(&self, message: &raftpb::Message) -> bool {
        message.entries.iter().filter_map(|entry| entry.data.as_ref()).any(v2_is_for_tree)
    }

    fn this_member_was_removed(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.fate.remove();
        }
    }

    fn open_snapshot(&self, _: &raftpb::Message) -> BoxFuture<'static, io::Result<OutgoingSnapshot>> {
        let shared = self.shared.upgrade();
        async move {
            let shared = shared.ok_or_else(|| io::Error::other("the member stops"))?;
            let outgoing = open_snapshot(shared).await?;
            let Outgoing { snapshot, length_bytes, mut chunks } = outgoing;
            let chunks = stream::poll_fn(move |context| chunks.poll_recv(context)).boxed();
            Ok(OutgoingSnapshot { snapshot, length_bytes, chunks })
        }
        .boxed()
    }

    fn snapshot_path(&self, index: u64) -> PathBuf {
        self.snap_dir.join(format!("{index:016x}.snap.db"))
    }

    fn observer(&self, id: u64) -> Arc<dyn PeerObserver> {
        let peer = self.metrics.network.peer(self.id, id);
        Arc::new(Traffic { id, peer, metrics: self.metrics.clone() })
    }
}

/// Counts the traffic with one peer.
struct Traffic {
    id: u64,
    peer: PeerMetrics,
    metrics: Arc<Metrics>,
}

impl PeerObserver for Traffic {
    fn active(&self, active: bool) {
        self.peer.active.set(i64::from(active));
        if !active {
            self.peer.disconnects.inc();
            self.metrics.appends.lost(self.id);
        }
    }

    fn sent(&self, bytes: u64) {
        self.peer.sent_bytes.inc_by(bytes);
    }

    fn append_sent(&self, bytes: u64) {
        self.metrics.appends.sent(self.id, bytes);
    }

    fn send_failed(&self) {
        self.peer.send_failures.inc();
    }

    fn received(&self, bytes: u64) {
        self.peer.received_bytes.inc_by(bytes);
    }

    fn receive_failed(&self) {
        self.peer.receive_failures.inc();
    }

    fn round_trip(&self, time: Duration) {
        self.peer.round_trip.observe(time.as_secs_f64());
    }

    fn snapshot_sending(&self) {
        self.peer.snapshots_sending.inc();
    }

    fn snapshot_send_ended(&self, took: Option<Duration>) {
        self.peer.snapshots_sending.dec();
        match took {
            Some(took) => {
                self.peer.snapshots_sent.inc();
                self.peer.snapshot_send.observe(took.as_secs_f64());
            }
            None => self.peer.snapshot_send_failures.inc(),
        }
    }

    fn snapshot_written(&self, whole: Duration, sync: Duration) {
        self.metrics.disk.snap_db_save.observe(whole.as_secs_f64());
        self.metrics.disk.snap_db_fsync.observe(sync.as_secs_f64());
    }

    fn snapshot_receiving(&self) {
        self.peer.snapshots_receiving.inc();
    }

    fn snapshot_receive_ended(&self, took: Option<Duration>) {
        self.peer.snapshots_receiving.dec();
        match took {
            Some(took) => {
                self.peer.snapshots_received.inc();
                self.peer.snapshot_receive.observe(took.as_secs_f64());
            }
            None => self.peer.snapshot_receive_failures.inc(),
        }
    }
}
