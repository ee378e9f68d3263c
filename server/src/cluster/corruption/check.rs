//! The checks themselves: hashes of this member and of the others, and the alarm.

use super::{
    peers::{Asked, NoSample, ask_all},
    verdict::{CLUSTER, Sample, dissenters, of_all_data},
};
use crate::{
    background,
    service::{Others, Propose, Read},
};
use oxetcd_api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmType, InternalRaftRequest, alarm_request::AlarmAction,
};
use oxetcd_mvcc::KeyValueHash;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// The leader's checks while the member runs.
pub(crate) struct CorruptionCheck<M> {
    pub(crate) member: Arc<M>,
    /// Time between checks of all data; `None` for none.
    pub(crate) interval: Option<Duration>,
    /// Time between checks of what was compacted; `None` for none.
    pub(crate) compacted_interval: Option<Duration>,
}

impl<M: Propose + Read + Others> CorruptionCheck<M> {
    /// Checks until `over` resolves.
    pub(crate) async fn run(self, over: impl Future<Output = ()>) {
        tokio::pin!(over);
        let after = |interval: Option<Duration>| interval.map(|interval| Instant::now() + interval);
        let mut next_full = after(self.interval);
        let mut next_compacted = after(self.compacted_interval);
        // The newest revision at which all members were found to agree.
        let mut agreed = 0;
        loop {
            let full = tokio::select! {
                () = &mut over => return,
                () = at(next_full) => true,
                () = at(next_compacted) => false,
            };
            let member = &self.member;
            if member.leadership().seen().leader == member.header().member_id {
                tokio::select! {
                    () = &mut over => return,
                    () = async {
                        if full { check_all_data(member).await } else { check_compacted(member, &mut agreed).await }
                    } => {}
                }
            }
            if full {
                next_full = after(self.interval);
            } else {
                next_compacted = after(self.compacted_interval);
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Compares what this member holds with the others, before it serves clients. Members that are down, or that
/// cannot say, are left out.
///
/// # Errors
/// When this member's data differ from another's.
pub(crate) async fn check_at_start<M: Read + Others>(member: &Arc<M>) -> Result<(), String> {
    let me = format!("{:x}", member.header().member_id);
    let timeout = member.limits().request_timeout;
    tracing::info!("local-member-id" = me, ?timeout, "starting initial corruption check");
    let (own, _) = hash_now(member).await.map_err(|error| format!("{me} failed to fetch hash ({error})"))?;
    let mut differ = false;
    for asked in ask_all(&**member, own.revision, timeout).await {
        differ |= differs(&me, own, &asked);
    }
    if differ {
        return Err(format!("{me} found data inconsistency with peers"));
    }
    tracing::info!("local-member-id" = me, "initial corruption checking passed; no corruption");
    Ok(())
}

fn differs(me: &str, own: KeyValueHash, asked: &Asked) -> bool {
    macro_rules! say {
        ($text:literal $(, $name:literal = $value:expr)*) => {
            tracing::warn!(
                "local-member-id" = me,
                "local-member-revision" = own.revision,
                "local-member-compact-revision" = own.compact_revision,
                "local-member-hash" = own.hash,
                "remote-peer-id" = format!("{:x}", asked.member),
                "remote-peer-endpoints" = ?asked.urls,
                $($name = $value,)*
                $text
            )
        };
    }
    match &asked.answer {
        Ok(other) if other.hash == own.hash => {}
        Ok(Sample { hash, compact_revision, revision, .. }) if *compact_revision == own.compact_revision => {
            say!(
                "found different hash values from remote peer",
                "remote-peer-revision" = revision,
                "remote-peer-compact-revision" = compact_revision,
                "remote-peer-hash" = hash
            );
            return true;
        }
        Ok(Sample { hash, compact_revision, revision, .. }) => say!(
            "found different compact revision values from remote peer",
            "remote-peer-revision" = revision,
            "remote-peer-compact-revision" = compact_revision,
            "remote-peer-hash" = hash
        ),
        Err(NoSample::Behind) => say!("cannot fetch hash from slow remote peer"),
        Err(NoSample::Compacted) => say!("cannot fetch hash from remote peer; local member is behind"),
        Err(NoSample::OtherCluster) => say!("cluster ID mismatch"),
        Err(error) => say!("failed hash kv request", "error" = error.to_string()),
    }
    false
}

/// Hashes all data of this member. Answers with the hash and the newest revision.
async fn hash_now<M: Read>(member: &Arc<M>) -> Result<(KeyValueHash, i64), String> {
    let hashing = member.clone();
    let hashed = background::run(move || hashing.machine().store().hash_kv(0)).await;
    hashed.ok_or_else(|| "stopped".to_owned())?.map_err(|error| error.to_string())
}

async fn check_all_data<M: Propose + Read + Others>(member: &Arc<M>) {
    if let Err(error) = compare_all_data(member).await {
        tracing::warn!(error, "failed to check hash KV");
    }
}

async fn compare_all_data<M: Propose + Read + Others>(member: &Arc<M>) -> Result<(), String> {
    let (before, _) = hash_now(member).await?;
    let asked = ask_all(&**member, before.revision, FULL_TIMEOUT).await;
    member.barrier().await.map_err(|status| status.message().to_owned())?;
    let (after, current) = state_after(member, before).await?;
    let others: Vec<Sample> = asked.iter().filter_map(|asked| asked.answer.as_ref().ok().copied()).collect();
    let me = member.header().member_id;
    for suspect in of_all_data(me, (before, after, current), &others, asked.len() + 1) {
        tracing::warn!(
            "leader-revision" = before.revision,
            "leader-compact-revision" = before.compact_revision,
            "leader-hash" = before.hash,
            "follower-hashes" = ?others,
            "peer-id" = format!("{:x}", suspect.member),
            reason = suspect.why,
            "found data inconsistency between members"
        );
        raise(&**member, suspect.member);
    }
    tracing::info!("number-of-peers-checked" = others.len(), "finished peer corruption check");
    Ok(())
}

/// The leader's data once more, hashed again only if they should be what they were. With the newest revision.
async fn state_after<M: Read>(member: &Arc<M>, before: KeyValueHash) -> Result<(KeyValueHash, i64), String> {
    let (revision, compact_revision) = {
        let machine = member.machine();
        (machine.store().revision(), machine.store().compacted())
    };
    if (revision, compact_revision) == (before.revision, before.compact_revision) {
        return hash_now(member).await;
    }
    Ok((KeyValueHash { revision, compact_revision, ..before }, revision))
}

/// Compares the hashes of recent compactions, newest first, until all members could be asked about one.
async fn check_compacted<M: Propose + Read + Others>(member: &Arc<M>, agreed: &mut i64) {
    let me = format!("{:x}", member.header().member_id);
    let timeout = member.limits().request_timeout;
    let mut hashes = member.machine().store().compaction_hashes();
    hashes.retain(|hash| hash.revision > *agreed);
    tracing::info!("local-member-id" = me, ?timeout, "starting compact hash check");
    let mut checked = 0;
    for own in hashes.into_iter().rev() {
        checked += 1;
        let asked = ask_all(&**member, own.revision, timeout).await;
        if asked.is_empty() {
            continue;
        }
        if compare_compacted(&**member, own, &asked, agreed) {
            break;
        }
    }
    tracing::info!("number-of-hashes-checked" = checked, "finished compaction hash check");
}

/// Compares one compaction's hashes. Answers with whether that settles it: all agree, or some differ.
fn compare_compacted<M: Propose + Read>(
    member: &M,
    own: KeyValueHash,
    asked: &[Asked],
    agreed: &mut i64,
) -> bool {
    let me = member.header().member_id;
    let mut hashes = vec![(me, own.hash)];
    for other in asked {
        let reason = match &other.answer {
            Ok(sample) if sample.compact_revision == own.compact_revision => {
                hashes.push((other.member, sample.hash));
                continue;
            }
            Ok(sample) => format!(
                "the peer's CompactRevision {} doesn't match leader's CompactRevision {}",
                sample.compact_revision, own.compact_revision
            ),
            Err(error) => format!("no response: {error}"),
        };
        tracing::warn!("peer-id" = format!("{:x}", other.member), reason, "Skipped peer's hash");
    }
    let (checked, all) = (hashes.len() - 1, asked.len());
    let wrong = dissenters(&hashes, all + 1);
    if wrong.is_empty() {
        let (revision, compacted) = (own.revision, own.compact_revision);
        if checked == all {
            *agreed = own.revision.max(*agreed);
            tracing::info!(
                "number-of-peers-checked" = checked,
                revision,
                "compactRevision" = compacted,
                "successfully checked hash on whole cluster"
            );
        } else {
            tracing::warn!(
                "number-of-peers-checked" = checked,
                "number-of-peers" = all,
                revision,
                "compactRevision" = compacted,
                "skipped revision in compaction hash check; was not able to check all peers"
            );
        }
        return checked == all;
    }
    for id in wrong {
        tracing::error!(
            "leader-id" = format!("{me:x}"),
            "leader-revision" = own.revision,
            "leader-compact-revision" = own.compact_revision,
            hashes = ?hashes,
            "peer-ids" = format!("{id:x}"),
            "quorum-exist" = id != CLUSTER,
            "Detected compaction hash mismatch"
        );
        raise(member, id);
    }
    true
}

/// Raises the alarm for a member, unless it is raised already.
fn raise<M: Propose + Read>(member: &M, id: u64) {
    let raised = AlarmMember { member_id: id, alarm: AlarmType::Corrupt as i32 };
    if member.machine().alarms().list(Some(AlarmType::Corrupt)).contains(&raised) {
        return;
    }
    let alarm = AlarmRequest {
        member_id: id,
        action: AlarmAction::Activate as i32,
        alarm: AlarmType::Corrupt as i32,
    };
    let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() };
    if let Err(error) = member.propose(request) {
        tracing::warn!(error = %error.message(), "failed to raise the CORRUPT alarm");
    }
}

/// Longest wait for a member that has to read all its data.
const FULL_TIMEOUT: Duration = Duration::from_secs(60);
