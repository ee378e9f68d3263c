//! Who leads, as this member has seen it: for those who wait for a leader, and for those who have to tell a
//! client why its request came to nothing.
//!
//! The raft loop writes it whenever raft says so; everybody else reads, or waits for the next change.

use std::time::{Duration, Instant};
use tokio::sync::watch;

/// After so many election timeouts without a leader, streams whose clients insist on one are ended. New
/// requests are refused at once; a stream is dear to set up again, so it may last through an election.
const PATIENCE_ELECTIONS: u32 = 3;

/// What this member last saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The leader; 0 when there is none.
    pub(crate) leader: u64,
    /// The term in which that was so.
    pub(crate) term: u64,
    /// When a leader last came to lead.
    pub(crate) elected: Option<Instant>,
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It took too long.
    TimedOut,
    /// A leader was lost while it waited.
    LeaderFailed,
    /// Those who had to agree could not be reached.
    Disconnected,
}

/// Who leads; see the module's header.
#[derive(Debug)]
pub(crate) struct Leadership {
    seen: watch::Sender<Seen>,
    /// Whether there has been no leader for so long that streams end.
    given_up: watch::Sender<bool>,
    election: Duration,
}

impl Leadership {
    /// Nobody leads yet. `election` is the election timeout.
    pub(crate) fn new(election: Duration) -> Self {
        Leadership { seen: watch::Sender::default(), given_up: watch::Sender::default(), election }
    }

    /// `leader` leads from now on, or nobody (0).
    pub(crate) fn changed(&self, leader: u64, term: u64) {
        self.seen.send_if_modified(|seen| {
            if leader != 0 && leader != seen.leader {
                seen.elected = Some(Instant::now());
            }
            let changed = (seen.leader, seen.term) != (leader, term);
            (seen.leader, seen.term) = (leader, term);
            changed
        });
    }

    /// What was last seen.
    pub(crate) fn seen(&self) -> Seen {
        *self.seen.borrow()
    }

    /// Tells of every change from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// Resolves with the leader as soon as there is one.
    pub(crate) async fn leader(&self) -> u64 {
        let mut seen = self.seen.subscribe();
        let found = seen.wait_for(|seen| seen.leader != 0).await.map_or(0, |seen| seen.leader);
        if found == 0 {
            // The sender lives as long as this does: not reached.
            std::future::pending::<()>().await;
        }
        found
    }

    /// Resolves when there has been no leader for too long.
    pub(crate) fn given_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut given_up = self.given_up.subscribe();
        async move {
            if given_up.wait_for(|given_up| *given_up).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Keeps [`Leadership::given_up`] right, for ever.
    pub(crate) async fn watch(&self) {
        let mut seen = self.seen.subscribe();
        loop {
            let led = tokio::time::timeout(
                self.election * PATIENCE_ELECTIONS,
                seen.wait_for(|seen| seen.leader != 0),
            );
            if !matches!(led.await, Ok(Ok(_))) {
                self.given_up.send_replace(true);
                self.leader().await;
            }
            self.given_up.send_replace(false);
            if seen.wait_for(|seen| seen.leader == 0).await.is_err() {
                return;
            }
        }
    }

    /// Why a request that began at `began` was not answered in time. `connected` says whether this member has
    /// been connected since then: to the leader, or, if it leads itself, to a majority.
    pub(crate) fn why_lost(&self, began: Instant, connected: impl FnOnce(u64) -> bool) -> Lost {
        let Seen { leader, elected, .. } = self.seen();
        // It takes about two timeouts from the loss of a leader to the next one.
        let lost_at = elected.and_then(|elected| Some((elected, elected.checked_sub(2 * self.election)?)));
        if lost_at.is_some_and(|(elected, lost)| lost < began && began < elected) {
            Lost::LeaderFailed
        } else if leader != 0 && !connected(leader) {
            Lost::Disconnected
        } else {
            Lost::TimedOut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELECTION: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_is_told_why_it_was_lost() {
        let before = Instant::now();
        let leadership = Leadership::new(ELECTION);
        let lost = |began, connected| leadership.why_lost(began, |_| connected);
        assert_eq!(lost(before, false), Lost::TimedOut, "without a leader nobody is to be connected to");
        leadership.changed(7, 2);
        let after = Instant::now();
        assert_eq!(lost(before, true), Lost::LeaderFailed);
        assert_eq!(lost(before - 3 * ELECTION, true), Lost::TimedOut, "it was late before the election");
        assert_eq!(lost(after, true), Lost::TimedOut);
        assert_eq!(lost(after, false), Lost::Disconnected);
        leadership.changed(0, 2);
        assert_eq!(lost(after, false), Lost::TimedOut);
    }

    #[test]
    fn a_leader_that_stays_is_not_elected_again() {
        let leadership = Leadership::new(ELECTION);
        leadership.changed(7, 2);
        let first = leadership.seen();
        leadership.changed(7, 3);
        assert_eq!(leadership.seen(), Seen { term: 3, ..first });
    }

    #[tokio::test(start_paused = true)]
    async fn streams_are_given_up_after_three_elections_without_a_leader() {
        let leadership = std::sync::Arc::new(Leadership::new(ELECTION));
        let watched = leadership.clone();
        tokio::spawn(async move { watched.watch().await });
        leadership.changed(7, 1);
        let waits = |time| tokio::time::timeout(time, leadership.given_up());
        assert!(waits(10 * ELECTION).await.is_err(), "there is a leader");
        leadership.changed(0, 1);
        assert!(waits(ELECTION * 29 / 10).await.is_err(), "an election may take a while");
        leadership.changed(8, 2);
        assert!(waits(10 * ELECTION).await.is_err(), "there is another one");
        leadership.changed(0, 2);
        assert!(waits(ELECTION * 31 / 10).await.is_ok());
        assert!(waits(ELECTION).await.is_ok(), "and it stays so");
        leadership.changed(9, 3);
        // On the paused clock: until the task above has seen it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(waits(ELECTION).await.is_err());
        assert_eq!(leadership.leader().await, 9);
    }
}
