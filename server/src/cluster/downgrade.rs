//! Going back to the version before: asked for by an operator, carried out by the leader.
//!
//! 1. An operator begins it. It goes through the log, so that all members know of it. From then on no version is
//!    raised, and the leader's watch over the version ([`super::version_monitor`]) lowers the cluster's by one
//!    minor version.
//! 2. The operator replaces the programs, one by one.
//! 3. When all members run the older one, the leader ends it ([`watch`]).
//!
//! An operator who calls it off before that wants the newer version back: if it was lowered already, it is
//! raised again, as far as all members' programs go.

use super::version_monitor::{self, Version};
use crate::{
    node::Shared,
    service::{Others, Propose, Read},
    status,
};
use oxetcd_api::{etcdserverpb::InternalRaftRequest, membershippb::DowngradeInfoSetRequest};
use oxetcd_machine::meta;
use std::{sync::Arc, time::Duration};
use tonic::Status;

/// Whether the cluster can go back to `target`. Answers with the cluster's version, as it is told.
///
/// # Errors
/// Why it cannot.
pub(crate) async fn validate<M: Read>(here: &M, target: &str) -> Result<String, Status> {
    check(here, target).await.map(|(_, current)| current)
}

/// Begins to go back to `target`. Answers with the cluster's version, as it is told.
///
/// # Errors
/// Why it cannot.
pub(crate) async fn enable<M: Propose + Read>(here: &M, target: &str) -> Result<String, Status> {
    let begun = async {
        let ((major, minor), _) = check(here, target).await?;
        set(here, DowngradeInfoSetRequest { enabled: true, ver: format!("{major}.{minor}.0") }).await
    };
    begun.await.inspect_err(|status| {
        tracing::warn!(error = status.message(), "reject downgrade request");
    })?;
    Ok(told(here.machine().members().cluster_version()).unwrap_or_default())
}

/// Calls it off. Answers with the cluster's version, as it is told, also when that could not be done: so does
/// the reference.
pub(crate) async fn cancel<M: Propose + Read + Others>(here: &Arc<M>) -> String {
    match end(&**here).await {
        Ok(Ended::Lowered) => {
            // All members are asked for their versions; whoever called it off does not wait for that.
            let here = here.clone();
            tokio::spawn(async move {
                if let Err(status) = version_monitor::raise(&*here).await {
                    tracing::warn!(error = status.message(), "the cluster version was not raised again");
                }
            });
        }
        Ok(Ended::Unchanged) => {}
        Ok(Ended::Nothing) => {
            let error = "etcdserver: no inflight downgrade job";
            tracing::warn!(error, "failed to cancel downgrade");
        }
        Err(status) => tracing::warn!(error = status.message(), "failed to cancel downgrade"),
    }
    told(here.machine().members().cluster_version()).unwrap_or_default()
}

/// Ends downgrades that are done, for as long as the member runs. Without an `interval`, only an operator does.
pub(crate) async fn watch(here: Arc<Shared>, interval: Duration) {
    if interval.is_zero() {
        return;
    }
    let stopping = here.fate.token();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        if let Err(status) = end_if_done(&*here).await {
            tracing::warn!(error = status.message(), "failed to end the downgrade");
        }
    }
}

/// Ends a downgrade if this member leads and all run the version that it goes back to.
async fn end_if_done<M: Propose + Read + Others>(here: &M) -> Result<(), Status> {
    if here.progress().leader != here.header().member_id {
        return Ok(());
    }
    let Some(downgrade) = here.machine().members().downgrade() else { return Ok(()) };
    let target = meta::version_parts(&downgrade.target_version);
    let Some(versions) = version_monitor::versions(here).await else { return Ok(()) };
    if versions.into_iter().all(|version| Some(version) == target) {
        tracing::info!("cluster-version" = downgrade.target_version, "the cluster has been downgraded");
        end(here).await?;
    }
    Ok(())
}

/// What was ended.
enum Ended {
    /// Nothing was under way.
    Nothing,
    /// The cluster's version was still what it had been.
    Unchanged,
    /// The cluster's version had been lowered.
    Lowered,
}

/// Ends it.
async fn end<M: Propose + Read>(here: &M) -> Result<Ended, Status> {
    here.barrier().await?;
    let (version, downgrade) = {
        let machine = here.machine();
        (machine.members().cluster_version(), machine.members().downgrade())
    };
    let Some(downgrade) = downgrade else { return Ok(Ended::Nothing) };
    set(here, DowngradeInfoSetRequest::default()).await?;
    let lowered =
        version.as_deref().and_then(meta::version_parts) == meta::version_parts(&downgrade.target_version);
    Ok(if lowered { Ended::Lowered } else { Ended::Unchanged })
}

async fn set<M: Propose>(here: &M, set: DowngradeInfoSetRequest) -> Result<(), Status> {
    let request = InternalRaftRequest { downgrade_info_set: Some(set), ..Default::default() };
    here.propose(request)?.await.map(drop)
}

/// The target, and the cluster's version as it is told, if it can be gone back from there to the target.
async fn check<M: Read>(here: &M, target: &str) -> Result<(Version, String), Status> {
    let target = parse(target).ok_or_else(status::downgrade_bad_version)?;
    let current = told(here.machine().members().cluster_version());
    let current = current.ok_or_else(status::cluster_version_unavailable)?;
    // What other members have decided before must be known here.
    here.barrier().await?;
    let (version, downgrade) = {
        let machine = here.machine();
        (machine.members().cluster_version(), machine.members().downgrade())
    };
    let from = version.as_deref().and_then(meta::version_parts);
    if from.and_then(version_monitor::below) != Some(target) {
        return Err(status::downgrade_bad_target());
    }
    if downgrade.is_some() {
        return Err(status::downgrade_in_progress());
    }
    Ok((target, current))
}

/// Major and minor, which is all that is told of a cluster's version.
fn told(version: Option<String>) -> Option<String> {
    let (major, minor) = meta::version_parts(&version?)?;
    Some(format!("{major}.{minor}"))
}

/// Major and minor of `3.6`, `3.6.0`, or `3.6.0-rc.1+build`.
fn parse(text: &str) -> Option<Version> {
    parse_full(text).or_else(|| parse_full(&format!("{text}.0")))
}

fn parse_full(text: &str) -> Option<Version> {
    let (text, build) = text.split_once('+').unwrap_or((text, ""));
    let (text, before) = text.split_once('-').unwrap_or((text, ""));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    if !build.chars().chain(before.chars()).all(plain) {
        return None;
    }
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok());
    let mut parts = text.splitn(3, '.').map(|part| number(part).flatten());
    let (major, minor, _patch): (u64, u64, u64) = (parts.next()??, parts.next()??, parts.next()??);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_versions_with_or_without_a_patch() {
        for (text, parsed) in [
            ("3.6", Some((3, 6))),
            ("3.6.0", Some((3, 6))),
            ("3.6.17", Some((3, 6))),
            ("3.6.1-rc.0+x", Some((3, 6))),
            ("", None),
            ("3", None),
            ("v3.6", None),
            ("3.6.x", None),
            ("3.6-rc", None),
            ("3.6.0-r_c", None),
            ("3.6.0.0", None),
            ("3..6", None),
            ("99999999999999999999.1.1", None),
        ] {
            assert_eq!(parse(text), parsed, "{text:?}");
        }
    }
}
