//! One other member: the ways to it, and the choice among them.

use crate::{
    ability::Ability,
    client::PeerError,
    common::Common,
    host::PeerObserver,
    outbox::{Outbox, Pushed},
    pipeline, probe, snapshot,
    status::{Id, Status},
    stream::{self, Kind},
    url::UrlPicker,
};
use oxetcd_consensus::raftpb::{Message, MessageType};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc},
};
use tokio_util::sync::CancellationToken;

/// Another member.
pub(crate) struct Peer {
    pub(crate) id: u64,
    pub(crate) common: Arc<Common>,
    pub(crate) urls: UrlPicker,
    pub(crate) status: Status,
    pub(crate) ability: Ability,
    pub(crate) observer: Arc<dyn PeerObserver>,
    pub(crate) stopped: CancellationToken,
    /// The peer showed that it is there: whoever waits before dialing it need not.
    pub(crate) showed_up: Notify,
    runtime: Handle,
    msgapp: Outbox,
    message: Outbox,
    posts: mpsc::Sender<Message>,
    sending_snapshot: AtomicBool,
}

/// How much is kept of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A member of the cluster.
    Full,
    /// One that is not known as a member, but says that it is: it may be answered, by posts.
    PostsOnly,
}

impl Peer {
    /// Starts the tasks of a peer. They run until [`Peer::stop`].
    pub(crate) fn start(
        common: &Arc<Common>,
        runtime: &Handle,
        id: u64,
        urls: &[String],
        extent: Extent,
    ) -> Arc<Peer> {
        let observer = common.host.observer(id);
        let (posts, waiting) = pipeline::queue();
        let peer = Arc::new(Peer {
            id,
            common: common.clone(),
            urls: UrlPicker::new(urls),
            status: Status::new(id, observer.clone()),
            ability: Ability::default(),
            observer,
            stopped: CancellationToken::new(),
            showed_up: Notify::new(),
            runtime: runtime.clone(),
            msgapp: Outbox::new(common.write_timeout),
            message: Outbox::new(common.write_timeout),
            posts,
            sending_snapshot: AtomicBool::new(false),
        });
        pipeline::start(&peer, waiting);
        if extent == Extent::Full {
            for kind in [Kind::MsgApp, Kind::Message] {
                let reader = peer.clone();
                peer.spawn(async move { stream::read(&reader, kind).await });
            }
            let prober = peer.clone();
            peer.spawn(async move { probe::run(&prober).await });
        }
        peer
    }

    /// Runs a task that ends when the peer is stopped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped.clone();
        self.runtime.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// The queue of one kind of stream.
    pub(crate) fn outbox(&self, kind: Kind) -> &Outbox {
        match kind {
            Kind::MsgApp => &self.msgapp,
            Kind::Message => &self.message,
        }
    }

    /// Sends one message on the best way that is open. The waker, if any, is to be woken afterwards.
    pub(crate) fn send(self: &Arc<Self>, message: Message) -> Option<Waker> {
        if self.must_not_get(&message) {
            self.withhold(message);
            return None;
        }
        if message.r#type() == MessageType::MsgSnap {
            self.send_snapshot(message);
            return None;
        }
        let kinds: &[Kind] = match message.r#type() {
            MessageType::MsgApp => &[Kind::MsgApp, Kind::Message],
            _ => &[Kind::Message],
        };
        let mut message = message;
        for &kind in kinds {
            match self.outbox(kind).push(message) {
                Pushed::Waits(waker) => return waker,
                Pushed::NoLink(back) => message = back,
                Pushed::Full(back) => {
                    self.undelivered([back]);
                    return None;
                }
                Pushed::Stalled(back, waited) => {
                    self.status.failed(kind.name(), &PeerError::Timeout);
                    self.undelivered(waited);
                    message = back;
                }
            }
        }
        if let Err(full) = self.posts.try_send(message) {
            self.undelivered([full.into_inner()]);
        }
        None
    }

    /// Whether the peer takes no part, because it cannot read what this cluster's log holds.
    pub(crate) fn is_shut_out(&self) -> bool {
        self.ability.reads_v2() == Some(false) && self.common.host.has_v2()
    }

    /// Whether a message is kept back from a peer that cannot read it, or has not said yet whether it can.
    fn must_not_get(&self, message: &Message) -> bool {
        if self.ability.reads_v2() == Some(true) {
            return false;
        }
        let host = &self.common.host;
        let carries_v2 = match message.r#type() {
            MessageType::MsgSnap => host.has_v2(),
            _ => host.carries_v2(message),
        };
        carries_v2 || self.is_shut_out()
    }

    fn withhold(&self, message: Message) {
        if self.ability.reads_v2() == Some(false) {
            self.status.failed("v2", &PeerError::CannotReadV2);
        }
        if message.r#type() == MessageType::MsgSnap {
            self.common.host.snapshot_sent(self.id, false);
        }
        self.undelivered([message]);
    }

    /// Messages certainly did not leave this member.
    pub(crate) fn undelivered(&self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            self.observer.send_failed();
            if message.r#type() == MessageType::MsgProp {
                self.common.host.undelivered(message);
            }
        }
        self.common.host.unreachable(self.id);
    }

    /// A message failed on its way: it may have arrived or not.
    pub(crate) fn lost(&self) {
        self.observer.send_failed();
        self.common.host.unreachable(self.id);
    }

    fn send_snapshot(self: &Arc<Self>, message: Message) {
        // Raft asks for the next one only when it has heard of the last one.
        if self.sending_snapshot.swap(true, Ordering::AcqRel) {
            self.common.host.snapshot_sent(self.id, false);
            return;
        }
        let peer = self.clone();
        self.runtime.spawn(async move {
            let arrived = tokio::select! {
                () = peer.stopped.cancelled() => false,
                arrived = snapshot::send(&peer, message) => arrived,
            };
            peer.sending_snapshot.store(false, Ordering::Release);
            peer.common.host.snapshot_sent(peer.id, arrived);
        });
    }

    /// Passes a message on to raft that came from this peer.
    pub(crate) fn deliver(&self, message: Message) {
        if message.to() != self.common.id {
            tracing::warn!(peer = %Id(self.id), to = %Id(message.to()), "a message for another member");
            self.observer.receive_failed();
            return;
        }
        self.common.host.step(message);
    }

    /// Ends everything that goes on with the peer.
    pub(crate) fn stop(&self) {
        self.stopped.cancel();
        self.msgapp.close();
        self.message.close();
        self.status.end();
    }
}
