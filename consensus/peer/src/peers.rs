//! All other members, as raft and the server see them.

use crate::{
    common::{Common, PeerConfig},
    handler::{self, PeerBody},
    host::{PeerHost, PeerObserver},
    peer::{Extent, Peer},
    status::Id,
};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use oxetcd_consensus::{
    Transport,
    raftpb::{Message, MessageType},
};
use parking_lot::RwLock;
use smallvec::SmallVec;
use std::{collections::HashMap, fmt, sync::Arc, task::Waker, time::Instant};
use tokio::runtime::Handle;

/// Most senders that are not members but are kept in mind: whoever knows the cluster's id can make one.
const STRANGERS: usize = 64;

/// The ways to all other members. Clones are the same.
///
/// Everything here returns at once and may be called from any thread; what takes time is done by tasks of the
/// runtime.
#[derive(Clone)]
pub struct Peers {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) common: Arc<Common>,
    runtime: Handle,
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    stopped: bool,
    members: HashMap<u64, Arc<Peer>>,
    strangers: HashMap<u64, Arc<Peer>>,
}

impl Peers {
    /// Without any peers yet. Their tasks run on `runtime`.
    pub fn new(config: PeerConfig, host: Arc<dyn PeerHost>, runtime: Handle) -> Peers {
        let common = Arc::new(Common::new(config, host));
        Peers { inner: Arc::new(Inner { common, runtime, table: RwLock::default() }) }
    }

    /// Begins to talk with a member. Nothing happens if it is known, or is this member itself.
    pub fn add(&self, id: u64, urls: &[String]) {
        let inner = &self.inner;
        if id == inner.common.id {
            return;
        }
        let mut table = inner.table.write();
        if table.stopped || table.members.contains_key(&id) {
            return;
        }
        if let Some(stranger) = table.strangers.remove(&id) {
            stranger.stop();
        }
        table.members.insert(id, inner.start(id, urls, Extent::Full));
        drop(table);
        tracing::info!(peer = %Id(id), urls = urls.join(","), "peer added");
    }

    /// A member can be reached elsewhere now. Nothing happens if it is not known.
    pub fn update(&self, id: u64, urls: &[String]) {
        if let Some(peer) = self.inner.peer(id) {
            peer.urls.replace(urls);
            tracing::info!(peer = %Id(id), urls = urls.join(","), "peer updated");
        }
    }

    /// Has nothing more to do with a member.
    pub fn remove(&self, id: u64) {
        let removed = {
            let mut table = self.inner.table.write();
            [table.members.remove(&id), table.strangers.remove(&id)]
        };
        for peer in removed.into_iter().flatten() {
            peer.stop();
            tracing::info!(peer = %Id(id), "peer removed");
        }
    }

    /// The members that are talked with.
    pub fn ids(&self) -> Vec<u64> {
        self.inner.table.read().members.keys().copied().collect()
    }

    /// Since when a member answers; `None` while it does not.
    pub fn active_since(&self, id: u64) -> Option<Instant> {
        self.inner.peer(id)?.status.active_since()
    }

    /// Whether a member reads entries of the v2 API; `None` until it says so.
    pub fn reads_v2(&self, id: u64) -> Option<bool> {
        self.inner.peer(id)?.ability.reads_v2()
    }

    /// How many members answer.
    pub fn active_count(&self) -> usize {
        let table = self.inner.table.read();
        table.members.values().filter(|peer| peer.status.active_since().is_some()).count()
    }

    /// Ends everything, for good. Streams end in order, so that the listener can stop.
    pub fn stop(&self) {
        let table = {
            let mut table = self.inner.table.write();
            std::mem::replace(&mut *table, Table { stopped: true, ..Table::default() })
        };
        for peer in table.members.into_values().chain(table.strangers.into_values()) {
            peer.stop();
        }
    }

    /// Answers a request to a path under `/raft`.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<PeerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: fmt::Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        handler::handle(&self.inner, request).await
    }

    /// Sends messages, each to the member in its `to`.
    pub fn send(&self, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        // Woken when all are in their queues, so that what belongs together is written together.
        let mut wakers = SmallVec::<[Waker; 8]>::new();
        let superseded = superseded(&messages);
        let table = self.inner.table.read();
        for (message, superseded) in messages.into_iter().zip(superseded) {
            if superseded {
                continue;
            }
            let to = message.to();
            match table.members.get(&to).or_else(|| table.strangers.get(&to)) {
                Some(peer) => wakers.extend(peer.send(message)),
                None if message.r#type() == MessageType::MsgSnap => {
                    self.inner.common.host.snapshot_sent(to, false);
                }
                None => {
                    tracing::debug!(to = %Id(to), "a message for somebody who is not known");
                    if message.r#type() == MessageType::MsgProp {
                        self.inner.common.host.undelivered(message);
                    }
                }
            }
        }
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Transport for Peers {
    fn send(&mut self, messages: Vec<Message>) {
        Peers::send(self, messages);
    }
}

/// Which messages say less than a later one of the same batch: a confirmation of entries that is followed by
/// one of as many or more.
fn superseded(messages: &[Message]) -> SmallVec<[bool; 16]> {
    let mut confirmed = SmallVec::<[(u64, u64, u64); 8]>::new();
    let mut superseded = SmallVec::from_elem(false, messages.len());
    for (message, superseded) in messages.iter().zip(superseded.iter_mut()).rev() {
        if message.r#type() == MessageType::MsgAppResp && !message.reject() {
            let (to, term, index) = (message.to(), message.term(), message.index());
            *superseded = confirmed.iter().any(|later| (later.0, later.1) == (to, term) && later.2 >= index);
            if !*superseded {
                confirmed.push((to, term, index));
            }
        }
    }
    superseded
}

impl Inner {
    pub(crate) fn peer(&self, id: u64) -> Option<Arc<Peer>> {
        self.table.read().members.get(&id).cloned()
    }

    /// Who wants to know about traffic with `id`: nobody, if that is anybody.
    pub(crate) fn observer(&self, id: Option<u64>) -> Arc<dyn PeerObserver> {
        let peer = id.and_then(|id| self.known(id));
        peer.map_or_else(|| Arc::new(()) as Arc<dyn PeerObserver>, |peer| peer.observer.clone())
    }

    /// A member, or somebody else who is kept in mind.
    pub(crate) fn known(&self, id: u64) -> Option<Arc<Peer>> {
        let table = self.table.read();
        table.members.get(&id).or_else(|| table.strangers.get(&id)).cloned()
    }

    /// Keeps somebody in mind who is not known as a member but says where it can be reached.
    pub(crate) fn add_stranger(&self, id: u64, urls: &[String]) {
        let known = |table: &Table| table.members.contains_key(&id) || table.strangers.contains_key(&id);
        if id == self.common.id || known(&self.table.read()) || self.common.host.is_removed(id) {
            return;
        }
        let mut table = self.table.write();
        if table.stopped || known(&table) || table.strangers.len() >= STRANGERS {
            return;
        }
        table.strangers.insert(id, self.start(id, urls, Extent::PostsOnly));
        drop(table);
        tracing::info!(peer = %Id(id), urls = urls.join(","), "somebody who is not known yet can be answered");
    }

    fn start(&self, id: u64, urls: &[String], extent: Extent) -> Arc<Peer> {
        Peer::start(&self.common, &self.runtime, id, urls, extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageType, to: u64, index: u64, reject: bool) -> Message {
        let (to, index, reject) = (Some(to), Some(index), Some(reject));
        Message { r#type: Some(kind.into()), to, index, reject, ..Default::default() }
    }

    #[test]
    fn only_the_last_confirmation_to_each_goes_out() {
        use MessageType::{MsgAppResp, MsgHeartbeatResp};
        let messages = [
            message(MsgAppResp, 1, 7, false),
            message(MsgAppResp, 1, 7, true),
            message(MsgHeartbeatResp, 1, 0, false),
            message(MsgAppResp, 2, 7, false),
            message(MsgAppResp, 1, 9, false),
            message(MsgAppResp, 1, 8, false),
        ];
        assert_eq!(superseded(&messages).as_slice(), [true, false, false, false, false, false]);
    }
}
