//! What the loops and the services of one member share.

use super::{Clock, Fate, Inbox, Input, applied_waits::AppliedWaits, waiters::Waiters};
use crate::{
    access::Logins,
    admission::{Admission, is_vital},
    cluster::{AskError, Leadership, PeerClient, Question, Reply},
    conf_change,
    identity::RequestIds,
    metrics::{Metrics, Refused},
    service::{Barrier, Limits, Others, Progress, Proposal, Propose, Read},
    status,
};
use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use oxetcd_api::etcdserverpb::{InternalRaftRequest, Request, RequestHeader, ResponseHeader};
use oxetcd_consensus::node as raft;
use oxetcd_machine::{Machine, MemberChange};
use oxetcd_peer::Peers;
use oxetcd_storage::Size;
use parking_lot::Mutex;
use prost::Message;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::sync::{oneshot, watch};
use tonic::Status;

/// Entries that may be committed and not yet applied before new requests are turned away.
const APPLY_BACKLOG_LIMIT: u64 = 5000;

/// Where the member stands, written by its loops and read by everybody.
#[derive(Debug, Default)]
pub(crate) struct Position {
    pub(crate) term: AtomicU64,
    pub(crate) leader: AtomicU64,
    pub(crate) committed: AtomicU64,
    pub(crate) applied: AtomicU64,
    /// Set while this member leads and is the only voter: every acknowledged write has then been applied
    /// here, and a linearizable read has nothing to wait for.
    pub(crate) sole_leader: AtomicBool,
    /// Whether this member has no vote.
    pub(crate) learner: AtomicBool,
    /// When the raft loop last ticked, by the member's clock.
    pub(crate) ticked_ms: AtomicU64,
}

/// The shared state of one running member.
pub(crate) struct Shared {
    pub(crate) member_id: u64,
    pub(crate) cluster_id: u64,
    /// The replicated state. A snapshot from the leader puts another one in its place.
    pub(crate) machine: ArcSwap<Machine>,
    pub(crate) clock: Clock,
    pub(crate) ids: RequestIds,
    pub(crate) limits: Limits,
    pub(crate) inbox: Inbox,
    pub(crate) waiters: Waiters,
    /// Who waits for an index of the log to be applied here.
    pub(crate) applied_waits: AppliedWaits,
    pub(crate) position: Position,
    pub(crate) leadership: Leadership,
    /// Time without a tick after which the raft loop counts as stopped, in milliseconds.
    pub(crate) inactive_after_ms: u64,
    pub(crate) peer_client: PeerClient,
    /// The other members.
    pub(crate) peers: Peers,
    pub(crate) fate: Fate,
    /// Set when raft wants a snapshot for a member that lags too far behind.
    pub(crate) snapshot_wanted: AtomicBool,
    pub(crate) metrics: Arc<Metrics>,
    /// Who may take how much.
    pub(crate) admission: Admission,
    /// Tokens and passwords of users.
    pub(crate) logins: Logins,
    /// Room that the engine took when it was last measured.
    pub(crate) size: Mutex<Size>,
    /// Revision up to which compactions are done.
    pub(crate) compacted: watch::Sender<i64>,
}

impl Shared {
    /// Has the transport talk with exactly those who are members by the state at hand.
    pub(crate) fn meet_members(&self) {
        let machine = self.machine.load();
        if machine.members().is_removed(self.member_id) {
            self.fate.remove();
        }
        let members = machine.members().list();
        for id in self.peers.ids() {
            if members.iter().all(|member| member.id != id) {
                self.peers.remove(id);
            }
        }
        for member in members {
            self.peers.add(member.id, &member.peer_urls);
            self.peers.update(member.id, &member.peer_urls);
        }
    }

    /// Encodes a request under a new id. Answers with the id.
    fn encode(&self, mut request: InternalRaftRequest) -> (u64, Vec<u8>) {
        let id = self.ids.next();
        // Whoever asks in somebody's name has put that in.
        request.header = Some(RequestHeader { id, ..request.header.take().unwrap_or_default() });
        (id, request.encode_to_vec())
    }

    /// Notes whether this member has a vote, after it may have changed.
    pub(crate) fn note_role(&self) {
        let learner =
            self.machine.load().members().get(self.member_id).is_some_and(|member| member.is_learner);
        self.position.learner.store(learner, Ordering::Relaxed);
        self.metrics.server.is_learner.set(i64::from(learner));
    }

    fn submit(
        &self,
        is_vital: bool,
        encode: impl FnOnce() -> (u64, Vec<u8>),
        input: impl FnOnce(u64, Bytes) -> Input,
    ) -> Result<Proposal, Status> {
        if self.fate.is_over() {
            return Err(status::stopped());
        }
        let committed = self.position.committed.load(Ordering::Relaxed);
        let is_behind = committed > self.position.applied.load(Ordering::Relaxed) + APPLY_BACKLOG_LIMIT;
        if is_behind && !is_vital {
            self.metrics.queues.refuse(Refused::Backlog);
            return Err(status::too_many_requests());
        }
        let (id, data) = encode();
        if data.len() > self.limits.max_request_bytes {
            self.metrics.queues.refuse(Refused::Size);
            return Err(status::request_too_large());
        }
        let answer = self.waiters.register(id);
        if !self.inbox.send(input(id, Bytes::from(data))) {
            self.waiters.forget(id);
            self.metrics.server.proposals_failed.inc();
            return Err(status::stopped());
        }
        Ok(Proposal(answer))
    }
}

impl Propose for Shared {
    fn propose(&self, request: InternalRaftRequest) -> Result<Proposal, Status> {
        self.submit(is_vital(&request), || self.encode(request), |id, data| Input::Propose { id, data })
    }

    fn propose_in_term(&self, request: InternalRaftRequest, term: u64) -> Result<Proposal, Status> {
        self.submit(
            is_vital(&request),
            || self.encode(request),
            |id, data| Input::ProposeInTerm { id, data, term },
        )
    }

    fn propose_v2(&self, mut request: Request, term: Option<u64>) -> Result<Proposal, Status> {
        let encode = || {
            let id = self.ids.next();
            request.id = Some(id);
            (id, request.encode_to_vec())
        };
        self.submit(false, encode, |id, data| match term {
            Some(term) => Input::ProposeInTerm { id, data, term },
            None => Input::Propose { id, data },
        })
    }

    fn propose_change(&self, change: MemberChange) -> Result<Proposal, Status> {
        if self.fate.is_over() {
            return Err(status::stopped());
        }
        let id = self.ids.next();
        let answer = self.waiters.register(id);
        if !self.inbox.send(Input::ConfChange(conf_change::encode(id, change))) {
            self.waiters.forget(id);
            return Err(status::stopped());
        }
        Ok(Proposal(answer))
    }

    fn next_id(&self) -> u64 {
        self.ids.next()
    }
}

impl Others for Shared {
    fn ask(&self, member_id: u64, question: Question) -> BoxFuture<'static, Result<Reply, AskError>> {
        let member = self.machine.load().members().get(member_id);
        let (client, urls) = (self.peer_client.clone(), member.unwrap_or_default().peer_urls);
        async move { client.ask_any(&urls, &question).await }.boxed()
    }

    fn hand_over(&self, to: u64) {
        self.inbox.send(Input::TransferLeader(to));
    }

    fn connected_since(&self, member_id: u64) -> Option<Instant> {
        self.peers.active_since(member_id)
    }

    fn reads_v2(&self, member_id: u64) -> Option<bool> {
        self.peers.reads_v2(member_id)
    }

    fn raft_status(&self) -> BoxFuture<'static, Option<raft::Status>> {
        let (asker, answer) = oneshot::channel();
        self.inbox.send(Input::Status(asker));
        async move { answer.await.ok() }.boxed()
    }
}

impl Read for Shared {
    fn machine(&self) -> Guard<Arc<Machine>> {
        self.machine.load()
    }

    fn barrier(&self) -> Barrier {
        if self.position.sole_leader.load(Ordering::Acquire) {
            return Barrier::Ready;
        }
        let (sender, receiver) = oneshot::channel();
        self.inbox.send(Input::Read(sender));
        Barrier::Waiting(receiver)
    }

    fn when_compacted(&self, revision: i64) -> BoxFuture<'static, Result<(), Status>> {
        let mut compacted = self.compacted.subscribe();
        async move {
            let done = compacted.wait_for(|done| *done >= revision).await;
            done.map(drop).map_err(|_| status::stopped())
        }
        .boxed()
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn progress(&self) -> Progress {
        let position = &self.position;
        Progress {
            term: position.term.load(Ordering::Relaxed),
            leader: position.leader.load(Ordering::Relaxed),
            committed: position.committed.load(Ordering::Relaxed),
            applied: position.applied.load(Ordering::Relaxed),
        }
    }

    fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    fn is_learner(&self) -> bool {
        self.position.learner.load(Ordering::Relaxed)
    }

    fn is_active(&self) -> bool {
        self.clock.now_ms() < self.position.ticked_ms.load(Ordering::Relaxed) + self.inactive_after_ms
    }

    fn header(&self) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            revision: 0,
            raft_term: self.position.term.load(Ordering::Relaxed),
        }
    }

    fn size(&self) -> Size {
        *self.size.lock()
    }

    fn measure(&self) {
        match self.machine.load().buffer().size() {
            Ok(size) => *self.size.lock() = size,
            Err(error) => self.fate.fail(error.to_string()),
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn logins(&self) -> &Logins {
        &self.logins
    }

    fn when_applied(&self, index: u64) -> BoxFuture<'static, ()> {
        let applied = self.applied_waits.until(index);
        // An error says that nothing more will be applied.
        async move { drop(applied.await) }.boxed()
    }
}
