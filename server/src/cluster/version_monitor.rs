//! The version that the cluster speaks: the lowest of its members' programs, as their leader sees it.
//!
//! A cluster that has none yet gets one as soon as it has a leader: the lowest of all members' versions, or 3.0
//! while one of them does not answer. That 3.0 is raised by itself later.
//!
//! Any other version stays. etcd raises it whenever all members can do more, but raising is a step of no return:
//! members of the older version cannot come back. In a cluster that was taken over from another program, member by
//! member, that is for the operator to say: with `--raise-cluster-version`, or once by
//! `POST /cluster/version/raise` at any member.
//!
//! While a downgrade is under way (see [`super::downgrade`]), the version goes down to its target instead, one
//! minor version at a time, which lets programs of that version join.

use super::join::Versions;
use crate::{
    node::Shared,
    service::{Others, Propose, Read},
    status,
};
use futures::future::join_all;
use oxetcd_api::{etcdserverpb::InternalRaftRequest, membershippb::ClusterVersionSetRequest};
use oxetcd_machine::meta;
use std::{sync::Arc, time::Duration};
use tonic::Status;

/// Time between looks at the members' versions.
const INTERVAL: Duration = Duration::from_secs(4);
/// Longest wait for a member's answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// What is always spoken.
const FIRST: Version = (3, 0);

/// Major and minor.
pub(super) type Version = (u64, u64);

/// Watches over the version for as long as the member runs.
pub(crate) async fn watch(here: Arc<Shared>, raise: bool) {
    let mut leadership = here.leadership.subscribe();
    let stopping = here.fate.token();
    loop {
        let changed = tokio::time::timeout(INTERVAL, leadership.changed());
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = changed => {}
        }
        if let Err(status) = update(&*here, raise).await {
            tracing::warn!(error = status.message(), "failed to update the cluster version");
        }
    }
}

/// Gives the cluster the version that it should have, if this member leads.
///
/// # Errors
/// When that cannot go through the log.
pub(crate) async fn update<M: Propose + Read + Others>(here: &M, raise: bool) -> Result<(), Status> {
    if here.progress().leader != here.header().member_id {
        return Ok(());
    }
    if here.machine().members().downgrade().is_some() {
        return lower(here).await;
    }
    let current = here.machine().members().cluster_version();
    // There is nothing to raise: then nobody need be asked.
    if current.is_some()
        && current.as_deref().and_then(meta::version_parts) >= meta::version_parts(crate::VERSION)
    {
        return Ok(());
    }
    // A leader knows what was set before its time once it can read.
    here.barrier().await?;
    let current = here.machine().members().cluster_version();
    let current = current.as_deref().and_then(meta::version_parts);
    match decide(current, lowest(here).await, raise) {
        Some(version) => set(here, version).await,
        None => Ok(()),
    }
}

/// Raises the version to the lowest of all members'. Answers with the version after that.
///
/// # Errors
/// When a member does not answer, or the change cannot go through the log.
pub(crate) async fn raise<M: Propose + Read + Others>(here: &M) -> Result<String, Status> {
    here.barrier().await?;
    if here.machine().members().downgrade().is_some() {
        return Err(status::downgrade_in_progress());
    }
    let lowest = lowest(here).await.ok_or_else(status::unhealthy)?;
    let current = here.machine().members().cluster_version();
    let current = current.as_deref().and_then(meta::version_parts);
    if let Some(version) = decide(current, Some(lowest), true) {
        set(here, version).await?;
    }
    Ok(here.machine().members().cluster_version().unwrap_or_default())
}

/// Gives the cluster the version that it goes back to, as soon as all members are known to bear that.
async fn lower<M: Propose + Read + Others>(here: &M) -> Result<(), Status> {
    here.barrier().await?;
    let (current, downgrade) = {
        let machine = here.machine();
        (machine.members().cluster_version(), machine.members().downgrade())
    };
    let current = current.as_deref().and_then(meta::version_parts);
    let target = downgrade.and_then(|downgrade| meta::version_parts(&downgrade.target_version));
    let (Some(current), Some(target)) = (current, target) else { return Ok(()) };
    if current == target {
        return Ok(());
    }
    match lowest(here).await {
        Some(lowest) if below(current) == Some(target) && below(lowest) == Some(target) => {
            set(here, target).await
        }
        Some(_) => Err(status::downgrade_bad_target()),
        None => Ok(()),
    }
}

/// The version that a cluster of `version` may go back to.
pub(super) fn below((major, minor): Version) -> Option<Version> {
    Some((major, minor.checked_sub(1)?))
}

/// Whether there is a version to be set. `lowest` is that of the members' programs, if all are known.
fn decide(current: Option<Version>, lowest: Option<Version>, raise: bool) -> Option<Version> {
    match (current, lowest) {
        (None, lowest) => Some(lowest.unwrap_or(FIRST)),
        (Some(current), Some(lowest)) if current < lowest && (raise || current == FIRST) => Some(lowest),
        _ => None,
    }
}

async fn lowest<M: Read + Others>(here: &M) -> Option<Version> {
    versions(here).await?.into_iter().min()
}

/// The versions of all members' programs; `None` while one of them does not tell.
pub(super) async fn versions<M: Read + Others>(here: &M) -> Option<Vec<Version>> {
    let members = here.machine().members().list();
    let me = here.header().member_id;
    let of = |id| async move { Versions::told(id, here.ask(id, Versions::question(ASK_TIMEOUT)).await) };
    let others = members.iter().map(|member| member.id).filter(|id| *id != me);
    let versions = join_all(others.map(of)).await;
    let own = meta::version_parts(crate::VERSION);
    let versions = versions.into_iter().map(|versions| meta::version_parts(&versions?.server));
    versions.chain([own]).collect()
}

async fn set<M: Propose>(here: &M, (major, minor): Version) -> Result<(), Status> {
    let ver = format!("{major}.{minor}.0");
    tracing::info!("cluster-version" = ver, "setting the cluster version");
    let set = ClusterVersionSetRequest { ver };
    here.propose(InternalRaftRequest { cluster_version_set: Some(set), ..Default::default() })?
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_was_agreed_stays_until_the_operator_raises_it() {
        assert_eq!(decide(None, Some((3, 5)), false), Some((3, 5)));
        assert_eq!(decide(None, None, false), Some((3, 0)));
        assert_eq!(decide(Some((3, 0)), None, false), None);
        assert_eq!(decide(Some((3, 0)), Some((3, 7)), false), Some((3, 7)));
        assert_eq!(decide(Some((3, 5)), Some((3, 7)), false), None);
        assert_eq!(decide(Some((3, 5)), Some((3, 7)), true), Some((3, 7)));
        assert_eq!(decide(Some((3, 5)), None, true), None);
        assert_eq!(decide(Some((3, 7)), Some((3, 5)), true), None);
    }
}
