//! Handing leadership over: because an operator wants it, or because this member is about to stop. A leader that
//! just vanishes costs its clients an election.

use crate::{
    service::{Others, Read},
    status,
};
use oxetcd_consensus::node::{PeerProgress, Status as RaftStatus};
use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};
use tonic::Status;

/// Hands leadership to `to`, and resolves when that leads.
///
/// # Errors
/// When it does not come to lead within `timeout`.
pub(crate) async fn transfer<M: Read + Others>(member: &M, to: u64, timeout: Duration) -> Result<(), Status> {
    let me = member.header().member_id;
    let hex = |id: u64| format!("{id:x}");
    let (local, target) = (hex(me), hex(to));
    let began = Instant::now();
    tracing::info!(
        "local-member-id" = local,
        "current-leader-member-id" = local,
        "transferee-member-id" = target,
        "leadership transfer starting"
    );
    let mut leadership = member.leadership().subscribe();
    member.hand_over(to);
    let led = tokio::time::timeout(timeout, leadership.wait_for(|seen| seen.leader == to)).await;
    if !matches!(led, Ok(Ok(_))) {
        return Err(status::timeout_transfer());
    }
    tracing::info!(
        "local-member-id" = local,
        "old-leader-member-id" = local,
        "new-leader-member-id" = target,
        took = ?began.elapsed(),
        "leadership transfer finished"
    );
    Ok(())
}

/// Makes another voter lead, if this member does, because it is about to stop. Answers with when that came about.
pub(crate) async fn hand_over_before_stopping<M: Read + Others>(
    member: &M,
    timeout: Duration,
) -> Option<Instant> {
    let local = format!("{:x}", member.header().member_id);
    let raft = tokio::time::timeout(timeout, member.raft_status()).await.ok().flatten()?;
    if raft.leader != raft.id {
        tracing::info!(
            "local-member-id" = local,
            "current-leader-member-id" = format!("{:x}", raft.leader),
            "skipped leadership transfer; local server is not leader"
        );
        return None;
    }
    if raft.progress.iter().filter(|peer| !peer.learner).count() < 2 {
        tracing::info!(
            "local-member-id" = local,
            "skipped leadership transfer for single voting member cluster"
        );
        return None;
    }
    let done = match successor(&raft, |id| member.connected_since(id)) {
        Some(next) => transfer(member, next, timeout).await,
        None => Err(Status::unavailable("etcdserver: unhealthy cluster")),
    };
    if let Err(status) = &done {
        tracing::warn!("local-member-id" = local, error = status.message(), "leadership transfer failed");
    }
    done.ok().map(|()| Instant::now())
}

/// The voter that is to lead after this member: one that is connected (`connected_since` says since when),
/// rather one that was heard of lately, rather the one whose log is longest, rather the one that has been
/// connected longest. `None` when there is none.
fn successor(raft: &RaftStatus, connected_since: impl Fn(u64) -> Option<Instant>) -> Option<u64> {
    let rank = |peer: &PeerProgress| {
        let since = connected_since(peer.id)?;
        let fit = peer.id != raft.id && !peer.learner && !peer.snapshot_pending;
        fit.then_some(((peer.recently_active, peer.matched, Reverse(since)), peer.id))
    };
    raft.progress.iter().filter_map(rank).max().map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: u64 = 1;

    fn peer(id: u64, matched: u64) -> PeerProgress {
        PeerProgress {
            id,
            matched,
            next: matched + 1,
            recently_active: true,
            learner: false,
            snapshot_pending: false,
        }
    }

    #[test]
    fn the_one_that_needs_least_is_to_lead() {
        let now = Instant::now();
        // Member n has been connected for n seconds, member 9 is not.
        let since = |id| (id != 9).then(|| now - Duration::from_secs(id));
        let cases = [
            (vec![peer(ME, 9)], None),
            (vec![peer(ME, 9), peer(2, 5), peer(3, 4)], Some(2)),
            (vec![peer(ME, 9), peer(2, 5), peer(3, 5)], Some(3)),
            (vec![peer(ME, 9), PeerProgress { recently_active: false, ..peer(2, 9) }, peer(3, 4)], Some(3)),
            // Just after a look at who is active nobody is; that alone must not keep it here.
            (vec![peer(ME, 9), PeerProgress { recently_active: false, ..peer(2, 9) }], Some(2)),
            (vec![peer(ME, 9), PeerProgress { learner: true, ..peer(2, 9) }], None),
            (vec![peer(ME, 9), PeerProgress { snapshot_pending: true, ..peer(2, 9) }, peer(3, 1)], Some(3)),
            (vec![peer(ME, 9), peer(9, 9), peer(3, 1)], Some(3)),
            (vec![peer(ME, 9), peer(9, 9)], None),
            (vec![], None),
        ];
        for (progress, expected) in cases {
            let raft = RaftStatus { id: ME, progress, ..RaftStatus::default() };
            assert_eq!(successor(&raft, since), expected, "{raft:?}");
        }
    }
}
