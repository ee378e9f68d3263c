//! What the services see of the member.

use crate::{
    access::Logins,
    admission::Admission,
    cluster::{Leadership, Lost},
    metrics::Metrics,
    status,
};
use arc_swap::Guard;
use futures::future::BoxFuture;
use oxetcd_api::etcdserverpb::{InternalRaftRequest, Request, ResponseHeader};
use oxetcd_machine::{Machine, MemberChange, Outcome, Response};
use oxetcd_storage::Size;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::sync::oneshot;
use tonic::Status;

/// Changes state through the replicated log.
pub(crate) trait Propose: Send + Sync + 'static {
    /// Puts `request` into the log. The proposal resolves when this member has applied it.
    ///
    /// # Errors
    /// When it cannot go into the log: too large, too many before it, no leader, stopping.
    fn propose(&self, request: InternalRaftRequest) -> Result<Proposal, Status>;

    /// The same, for what only a leader may decide: the request is lost unless this member still leads, in
    /// `term`, when it goes into the log. A member that was stopped for a while, and has another leader by now,
    /// must not pass on to it what it decided as a leader.
    ///
    /// # Errors
    /// Those of [`Propose::propose`].
    fn propose_in_term(&self, request: InternalRaftRequest, term: u64) -> Result<Proposal, Status>;

    /// Puts a request for the v2 tree into the log, with `term` as [`Propose::propose_in_term`].
    ///
    /// # Errors
    /// Those of [`Propose::propose`].
    fn propose_v2(&self, request: Request, term: Option<u64>) -> Result<Proposal, Status>;

    /// Puts a change of the members into the log. The proposal resolves when this member has applied it.
    ///
    /// # Errors
    /// When the member stops.
    fn propose_change(&self, change: MemberChange) -> Result<Proposal, Status>;

    /// An id that no other request, lease or member has.
    fn next_id(&self) -> u64;
}

/// A request on its way through the log.
pub(crate) struct Proposal(pub(crate) oneshot::Receiver<Answer>);

/// What becomes of a proposal.
pub(crate) type Answer = Result<Outcome, Lost>;

impl Future for Proposal {
    type Output = Result<Response, Status>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(error))) => Err(status::of_apply(&error)),
            Ok(Err(lost)) => Err(status::of_lost(lost)),
            // Nothing is applied any more.
            Err(_) => Err(status::stopped()),
        })
    }
}

/// Looks at the state.
pub(crate) trait Read: Send + Sync + 'static {
    /// The state itself. A snapshot from the leader puts another one in its place: take it once for what
    /// belongs together, and do not keep it across an await.
    fn machine(&self) -> Guard<Arc<Machine>>;

    /// Resolves once the state here is at least as new as any write that was acknowledged by any member
    /// before the call.
    fn barrier(&self) -> Barrier;

    /// Resolves when the data of a compaction up to `revision` is gone from this member's disk.
    fn when_compacted(&self, revision: i64) -> BoxFuture<'static, Result<(), Status>>;

    /// Milliseconds of the member's monotonic clock, by which leases are counted.
    fn now_ms(&self) -> u64;

    /// Where the member stands in the log.
    fn progress(&self) -> Progress;

    /// Who leads.
    fn leadership(&self) -> &Leadership;

    /// Whether this member has no vote.
    fn is_learner(&self) -> bool;

    /// Whether the raft loop runs. One that waits for its disk knows nothing of what the others have decided
    /// meanwhile.
    fn is_active(&self) -> bool;

    /// A response header without a revision.
    fn header(&self) -> ResponseHeader;

    /// Room that the engine takes, as of its last commit.
    fn size(&self) -> Size;

    /// Measures the room again, after something that changed it.
    fn measure(&self);

    /// The limits in force.
    fn limits(&self) -> &Limits;

    /// What is counted and measured.
    fn metrics(&self) -> &Metrics;

    /// Who may take how much.
    fn admission(&self) -> &Admission;

    /// Tokens and passwords.
    fn logins(&self) -> &Logins;

    /// Resolves when this member has applied the entry at `index`.
    fn when_applied(&self, index: u64) -> BoxFuture<'static, ()>;
}

/// A pending linearizable read; see [`Read::barrier`].
pub(crate) enum Barrier {
    /// Nothing to wait for.
    Ready,
    /// Resolves when the read may go on.
    Waiting(oneshot::Receiver<()>),
}

impl Future for Barrier {
    type Output = Result<(), Status>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Barrier::Ready => Poll::Ready(Ok(())),
            Barrier::Waiting(receiver) => {
                Pin::new(receiver).poll(context).map(|done| done.map_err(|_| status::timeout()))
            }
        }
    }
}

/// Where a member stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Term of the log.
    pub(crate) term: u64,
    /// Id of the leader; 0 when there is none.
    pub(crate) leader: u64,
    /// Index of the last entry known to be committed.
    pub(crate) committed: u64,
    /// Index of the last entry applied here.
    pub(crate) applied: u64,
}

/// Limits on requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest encoded request, in bytes.
    pub(crate) max_request_bytes: usize,
    /// Most operations in one branch of a transaction.
    pub(crate) max_txn_ops: usize,
    /// Longest time that a request may take.
    pub(crate) request_timeout: Duration,
    /// Whether changes of the members that may cost the quorum are refused.
    pub(crate) strict_reconfig_check: bool,
    /// Room that the data may take, in bytes; `None` is without limit.
    pub(crate) quota_bytes: Option<u64>,
    /// A quiet watcher that asked for it is told the revision after this time, in milliseconds.
    pub(crate) watch_progress_interval_ms: u64,
    /// Entries that take longer to apply, and reads that take longer, are logged.
    pub(crate) warn_apply: Duration,
    /// Unary calls that take longer are logged.
    pub(crate) warn_request: Duration,
}

impl Limits {
    /// What gRPC takes: a request, and some room for what is around it.
    pub(crate) fn max_message_bytes(&self) -> usize {
        self.max_request_bytes.saturating_add(512 * 1024)
    }
}
