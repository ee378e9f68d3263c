//! What only the leader's lease book can answer: whether a lease is renewed, and what is left of it. Answered
//! here if this member leads, else by asking the member that does.
//!
//! The leader may have lost its place without knowing it yet. One whose raft loop stands still (a disk that does
//! not answer) first asks the others; one that is cut off from them steps down within an election timeout, and
//! its successor gives every lease that much more.

use super::{Others, Propose, Read};
use crate::{
    cluster::{AskError, Question, Reply},
    status,
};
use futures::{FutureExt, future::BoxFuture};
use http::StatusCode;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        InternalRaftRequest, LeaseCheckpoint, LeaseCheckpointRequest, LeaseKeepAliveRequest,
        LeaseKeepAliveResponse, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
    },
    leasepb::{LeaseInternalRequest, LeaseInternalResponse},
};
use oxetcd_lease::LeaseError;
use prost::Message;
use std::time::Duration;
use tonic::Status;

/// Where a leader answers renewals.
pub(crate) const RENEWALS: &str = "/leases";
/// Where a leader answers what is left of a lease.
pub(crate) const TIMES_TO_LIVE: &str = "/leases/internal";
/// Type of both questions and answers.
pub(crate) const PROTOBUF: &str = "application/protobuf";
/// Longest answer: a lease may have very many keys.
const REPLY_LIMIT_BYTES: usize = 100 << 20;
/// Pause before the question is put again, to another leader maybe.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Why a member that was taken for the leader does not answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such lease.
    NotFound,
    /// It does not lead, or not yet, or cannot say so now: ask again.
    NotNow(&'static str),
    /// The request fails for good.
    Failed(Status),
}

/// Renews a lease, wherever the leader is. Answers with its TTL in seconds.
///
/// # Errors
/// [`Refusal::NotFound`] and [`Refusal::Failed`].
pub(crate) async fn renew<M: Propose + Read + Others>(member: &M, id: LeaseId) -> Result<i64, Refusal> {
    let at_other = move |leader| async move {
        let request = LeaseKeepAliveRequest { id };
        let answer: LeaseKeepAliveResponse = ask(member, leader, RENEWALS, &request).await?;
        if answer.id == id { Ok(answer.ttl) } else { Err(Refusal::NotNow("renewed another lease")) }
    };
    at_leader(member, |leader| match leader {
        None => renew_here(member, id).boxed(),
        Some(leader) => at_other(leader).boxed(),
    })
    .await
}

/// What is left of a lease, wherever the leader is; without a header.
///
/// # Errors
/// [`Refusal::NotFound`] and [`Refusal::Failed`].
pub(crate) async fn time_to_live<M: Propose + Read + Others>(
    member: &M,
    request: LeaseTimeToLiveRequest,
) -> Result<LeaseTimeToLiveResponse, Refusal> {
    let at_other = move |leader| async move {
        let request = LeaseInternalRequest { lease_time_to_live_request: Some(request) };
        let answer: LeaseInternalResponse = ask(member, leader, TIMES_TO_LIVE, &request).await?;
        answer.lease_time_to_live_response.ok_or(Refusal::NotNow("sent an empty answer"))
    };
    at_leader(member, |leader| match leader {
        None => time_to_live_here(member, request).boxed(),
        Some(leader) => at_other(leader).boxed(),
    })
    .await
}

/// Calls `answer` with the leader (`None` for this member), again and again until that knows the answer or
/// there is no more time.
async fn at_leader<'a, M: Read, T>(
    member: &'a M,
    answer: impl Fn(Option<u64>) -> BoxFuture<'a, Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let me = member.header().member_id;
    let answered = tokio::time::timeout(member.limits().request_timeout, async {
        loop {
            let leader = member.leadership().leader().await;
            match answer(Some(leader).filter(|leader| *leader != me)).await {
                Err(Refusal::NotNow(why)) => {
                    tracing::debug!(
                        leader = format!("{leader:x}"),
                        why,
                        "the leader of leases did not answer"
                    );
                }
                answered => return answered,
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    });
    answered.await.unwrap_or_else(|_| {
        let led = member.leadership().seen().leader != 0;
        Err(Refusal::Failed(if led { status::timeout() } else { status::no_leader() }))
    })
}

async fn ask<M: Read + Others, A: Message + Default>(
    member: &M,
    leader: u64,
    path: &str,
    request: &impl Message,
) -> Result<A, Refusal> {
    let question = Question::post(path, PROTOBUF, request.encode_to_vec());
    let question = question.within(member.limits().request_timeout).at_most(REPLY_LIMIT_BYTES);
    match member.ask(leader, question).await {
        Ok(Reply { status: StatusCode::OK, body, .. }) => {
            A::decode(body).map_err(|_| Refusal::NotNow("sent an answer that cannot be read"))
        }
        Ok(Reply { status: StatusCode::NOT_FOUND, .. }) => Err(Refusal::NotFound),
        Ok(_) => Err(Refusal::NotNow("refused")),
        Err(AskError::TooLong(_)) => Err(Refusal::Failed(status::timeout())),
        Err(_) => Err(Refusal::NotNow("could not be asked")),
    }
}

/// Renews a lease in this member's book. Answers with its TTL in seconds.
///
/// # Errors
/// When this member does not lead, or there is no such lease.
pub(crate) async fn renew_here<M: Propose + Read>(member: &M, id: LeaseId) -> Result<i64, Refusal> {
    surely_leads(member).await?;
    when_known(member, id).await?;
    let term = member.leadership().seen().term;
    let renewed = member.machine().leases().lock().renew(member.now_ms(), id);
    let renewal = renewed.map_err(refusal)?;
    if renewal.clear_checkpoint {
        // Else the next leader would count on from what was written down before the renewal.
        let cleared = LeaseCheckpoint { id, remaining_ttl: 0 };
        let lease_checkpoint = Some(LeaseCheckpointRequest { checkpoints: vec![cleared] });
        let request = InternalRaftRequest { lease_checkpoint, ..Default::default() };
        let cleared = member.propose_in_term(request, term).map_err(Refusal::Failed)?.await;
        if let Err(status) = cleared {
            let same = member.leadership().seen().term == term;
            return Err(if same { Refusal::Failed(status) } else { Refusal::NotNow("was replaced") });
        }
    }
    member.metrics().lease.renewed.inc();
    Ok(renewal.ttl_s)
}

/// What this member's book says is left of a lease; without a header.
///
/// # Errors
/// When this member does not lead, or there is no such lease.
pub(crate) async fn time_to_live_here<M: Read>(
    member: &M,
    request: LeaseTimeToLiveRequest,
) -> Result<LeaseTimeToLiveResponse, Refusal> {
    let LeaseTimeToLiveRequest { id, keys } = request;
    when_known(member, id).await?;
    let found = member.machine().leases().lock().time_to_live(member.now_ms(), id, keys);
    let found = found.map_err(refusal)?;
    Ok(LeaseTimeToLiveResponse {
        header: None,
        id,
        ttl: found.remaining_s,
        granted_ttl: found.granted_s,
        keys: found.keys.into_iter().map(bytes::Bytes::from).collect(),
    })
}

/// A raft loop that stands still has not heard of a successor: then the others are asked.
async fn surely_leads<M: Read>(member: &M) -> Result<(), Refusal> {
    let leads = || member.leadership().seen().leader == member.header().member_id;
    if !member.is_active() {
        let asked = tokio::time::timeout(member.limits().request_timeout, member.barrier());
        if !matches!(asked.await, Ok(Ok(()))) {
            return Err(Refusal::Failed(status::not_primary()));
        }
    }
    if leads() { Ok(()) } else { Err(Refusal::NotNow("does not lead")) }
}

/// A lease that is being granted is in the log already: wait for that before saying that there is none.
async fn when_known<M: Read>(member: &M, id: LeaseId) -> Result<(), Refusal> {
    if member.machine().leases().lock().contains(id) {
        return Ok(());
    }
    member.barrier().await.map_err(Refusal::Failed)
}

fn refusal(error: LeaseError) -> Refusal {
    match error {
        LeaseError::NotFound => Refusal::NotFound,
        // Whether it is over for good will be seen: its revocation is on its way, or another leader's.
        LeaseError::Expired => Refusal::NotNow("waits for the lease's revocation"),
        _ => Refusal::NotNow("is not a primary lessor"),
    }
}
