//! Changing the members, as an operator asks for it: what is checked before a change goes into the log.
//!
//! Nothing here is about correctness: whether a change may be made is decided when it is committed (see
//! [`oxetcd_machine::Roster`]). This is about operators. A change that is correct can still leave a cluster that
//! has no quorum alive, and a cluster without a quorum cannot take the change back. So members that have never
//! started, or that this one has not been connected to for a while, are counted first
//! (`--strict-reconfig-check`), and a learner gets its vote only once it has nearly all of the log.

use super::Question;
use crate::{
    config::Url,
    identity,
    service::{Others, Propose, Read},
    status,
};
use http::StatusCode;
use oxetcd_machine::{Member, MemberChange, Response};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tonic::Status;

/// A connection counts once it has lasted this long.
const HEALTHY_AFTER: Duration = Duration::from_secs(5);
/// Part of the leader's log, in percent, that a learner needs to become a voter.
const READY_PERCENT: u64 = 90;
/// Pause before the leader is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Adds a member. Answers with it, and with all members after that.
///
/// # Errors
/// When it may not be added.
pub(crate) async fn add<M: Propose + Read + Others>(
    here: &M,
    peer_urls: &[String],
    is_learner: bool,
) -> Result<(Member, Vec<Member>), Status> {
    let urls: Result<Vec<Url>, _> = peer_urls.iter().map(|url| Url::parse(url)).collect();
    let mut urls = urls.map_err(|_| status::member_bad_urls())?;
    if urls.is_empty() {
        return Err(status::member_bad_urls());
    }
    urls.sort();
    let peer_urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // No token, but the time: a member that is added again is another one.
    let id = identity::member_id(&peer_urls, &now.as_secs().to_string());
    let member = Member { id, peer_urls, is_learner, ..Member::default() };
    if here.limits().strict_reconfig_check {
        may_add(here, is_learner)?;
    }
    let members = change(here, MemberChange::Add(member.clone())).await?;
    Ok((member, members))
}

/// Removes a member. Answers with those that are left.
///
/// # Errors
/// When it may not be removed.
pub(crate) async fn remove<M: Propose + Read + Others>(here: &M, id: u64) -> Result<Vec<Member>, Status> {
    if here.limits().strict_reconfig_check {
        may_remove(here, id)?;
    }
    change(here, MemberChange::Remove(id)).await
}

/// Changes where a member is reached by the others. Answers with all members.
///
/// # Errors
/// When that may not be.
pub(crate) async fn update<M: Propose + Read + Others>(
    here: &M,
    id: u64,
    peer_urls: Vec<String>,
) -> Result<Vec<Member>, Status> {
    change(here, MemberChange::Update { id, peer_urls }).await
}

/// Gives a learner its vote. Answers with all members. Only the leader knows how far the learner is: another
/// member asks it.
///
/// # Errors
/// When it may not be promoted.
pub(crate) async fn promote<M: Propose + Read + Others>(here: &M, id: u64) -> Result<Vec<Member>, Status> {
    let deadline = tokio::time::Instant::now() + here.limits().request_timeout;
    loop {
        let leader = tokio::time::timeout_at(deadline, here.leadership().leader()).await;
        let leader = leader.map_err(|_| status::timeout())?;
        let outcome = if leader == here.header().member_id {
            promote_here(here, id).await
        } else {
            ask_to_promote(here, leader, id).await
        };
        if let Some(outcome) = outcome {
            return outcome;
        }
        if tokio::time::Instant::now() + ASK_AGAIN_AFTER > deadline {
            return Err(status::timeout());
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

/// The same, at the leader; `None` when this member is not it.
pub(crate) async fn promote_here<M: Propose + Read + Others>(
    here: &M,
    id: u64,
) -> Option<Result<Vec<Member>, Status>> {
    let outcome = match may_promote(here, id).await {
        Ok(true) => change(here, MemberChange::Promote(id)).await,
        Ok(false) => return None,
        Err(status) => Err(status),
    };
    let metrics = &here.metrics().server;
    match &outcome {
        Ok(_) => metrics.learner_promote_successes.inc(),
        Err(status) => metrics.learner_promote_failed(status.message()),
    }
    Some(outcome)
}

/// `None` when the leader has to be asked again.
async fn ask_to_promote<M: Others>(here: &M, leader: u64, id: u64) -> Option<Result<Vec<Member>, Status>> {
    let question = Question::post(&format!("/members/promote/{id}"), "application/octet-stream", Vec::new());
    let reply = here.ask(leader, question).await.ok()?;
    match reply.status {
        StatusCode::OK => {
            let members = serde_json::from_slice(&reply.body);
            Some(members.map_err(|error| Status::unknown(format!("the leader's answer: {error}"))))
        }
        StatusCode::NOT_FOUND => Some(Err(status::member_not_found())),
        StatusCode::PRECONDITION_FAILED if reply.text().contains("in sync with leader") => {
            Some(Err(status::learner_not_ready()))
        }
        StatusCode::PRECONDITION_FAILED => Some(Err(status::member_not_learner())),
        _ => None,
    }
}

async fn change<M: Propose>(here: &M, change: MemberChange) -> Result<Vec<Member>, Status> {
    match here.propose_change(change)?.await? {
        Response::Members(members) => Ok(members),
        _ => Err(status::unexpected_answer()),
    }
}

fn voters<M: Read>(here: &M) -> Vec<Member> {
    let members = here.machine().members().list();
    members.into_iter().filter(|member| !member.is_learner).collect()
}

/// Members that have told their names have started.
fn started(members: &[Member]) -> usize {
    members.iter().filter(|member| !member.name.is_empty()).count()
}

fn quorum(of: usize) -> usize {
    of / 2 + 1
}

/// How many of `members` this one has been connected to for a while, itself included.
fn healthy<M: Read + Others>(here: &M, members: &[Member]) -> usize {
    let me = here.header().member_id;
    let long = |since: Instant| since.elapsed() > HEALTHY_AFTER;
    let healthy = |member: &&Member| member.id == me || here.connected_since(member.id).is_some_and(long);
    members.iter().filter(healthy).count()
}

fn may_add<M: Read + Others>(here: &M, is_learner: bool) -> Result<(), Status> {
    let voters = voters(here);
    let (started, after) = (started(&voters), voters.len() + 1);
    // One member that is alone may always get a second one: so a cluster is restored from what is left of it.
    let alone = started == 1 && after == 2;
    if !is_learner && !alone && started < quorum(after) {
        return refused("adding a member", status::not_enough_started_members());
    }
    if voters.len() > 1 && healthy(here, &voters) < quorum(after) {
        return refused("adding a member", status::unhealthy());
    }
    Ok(())
}

fn may_remove<M: Read + Others>(here: &M, id: u64) -> Result<(), Status> {
    if here.machine().members().get(id).is_some_and(|member| member.is_learner) {
        return Ok(());
    }
    let voters = voters(here);
    let rest: Vec<Member> = voters.iter().filter(|member| member.id != id).cloned().collect();
    if started(&rest) < quorum(rest.len()) {
        return refused("removing a member", status::not_enough_started_members());
    }
    // One that is down takes nothing away from the living.
    if id != here.header().member_id && here.connected_since(id).is_none() {
        return Ok(());
    }
    if healthy(here, &voters) - 1 < quorum(voters.len() - 1) {
        return refused("removing a member", status::unhealthy());
    }
    Ok(())
}

/// `false` when this member does not lead, and so does not know.
async fn may_promote<M: Read + Others>(here: &M, id: u64) -> Result<bool, Status> {
    let Some(raft) = here.raft_status().await else { return Err(status::stopped()) };
    let progress = |id| raft.progress.iter().find(|progress| progress.id == id);
    let Some(own) = progress(raft.id) else { return Ok(false) };
    let learner = progress(id).ok_or_else(status::member_not_found)?;
    if learner.matched.saturating_mul(100) < own.matched.saturating_mul(READY_PERCENT) {
        return refused("promoting a learner", status::learner_not_ready()).map(|()| true);
    }
    let voters = voters(here);
    if here.limits().strict_reconfig_check && started(&voters) + 1 < quorum(voters.len() + 1) {
        return refused("promoting a learner", status::not_enough_started_members()).map(|()| true);
    }
    Ok(true)
}

fn refused(what: &str, status: Status) -> Result<(), Status> {
    tracing::warn!(what, error = status.message(), "refused to change the members");
    Err(status)
}
