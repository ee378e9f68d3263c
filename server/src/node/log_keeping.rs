//! How much of the log stays in memory for members that lag.

use oxetcd_consensus::node::{Role, Status};

/// A member that answers may lag by this many times the entries that are kept in any case.
const PATIENCE: u64 = 4;

/// The index up to which nobody needs entries any more, once those up to `applied` have been applied here.
///
/// A member that is behind that gets a snapshot. One that is on its way to a member is worth nothing without the
/// entries behind it, so all stay until it has arrived; and a member that answers, but has still to catch up, is
/// given more of them than one that is silent.
pub(super) fn needless_up_to(applied: u64, status: &Status, catchup_entries: u64) -> u64 {
    let others = || status.progress.iter().filter(|peer| peer.id != status.id);
    if status.role == Role::Leader && others().next().is_none() {
        return applied;
    }
    if others().any(|peer| peer.snapshot_pending) {
        return 0;
    }
    let slowest = others().filter(|peer| peer.recently_active).map(|peer| peer.matched).min();
    let most_kept = applied.saturating_sub(catchup_entries.saturating_mul(PATIENCE));
    applied.saturating_sub(catchup_entries).min(slowest.unwrap_or(applied).max(most_kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_consensus::node::PeerProgress;

    const KEPT: u64 = 10;

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

    fn leader(others: &[PeerProgress]) -> Status {
        let progress = [peer(1, 1000)].into_iter().chain(others.iter().copied()).collect();
        Status { id: 1, role: Role::Leader, progress, ..Status::default() }
    }

    #[test]
    fn alone_nothing_is_kept() {
        assert_eq!(needless_up_to(1000, &leader(&[]), KEPT), 1000);
    }

    #[test]
    fn others_find_the_last_entries_whoever_leads() {
        assert_eq!(needless_up_to(1000, &leader(&[peer(2, 1000)]), KEPT), 990);
        let follower = Status { id: 1, role: Role::Follower, ..Status::default() };
        assert_eq!(needless_up_to(1000, &follower, KEPT), 990);
        assert_eq!(needless_up_to(3, &follower, KEPT), 0);
    }

    #[test]
    fn who_answers_is_waited_for_but_not_for_ever() {
        assert_eq!(needless_up_to(1000, &leader(&[peer(2, 1000), peer(3, 970)]), KEPT), 970);
        assert_eq!(needless_up_to(1000, &leader(&[peer(2, 1000), peer(3, 5)]), KEPT), 960);
        let silent = PeerProgress { recently_active: false, ..peer(3, 970) };
        assert_eq!(needless_up_to(1000, &leader(&[peer(2, 1000), silent]), KEPT), 990);
    }

    #[test]
    fn nothing_goes_while_a_snapshot_is_under_way() {
        let pending = PeerProgress { snapshot_pending: true, ..peer(3, 0) };
        assert_eq!(needless_up_to(1000, &leader(&[peer(2, 1000), pending]), KEPT), 0);
    }
}
