//! What becomes of the lease of a holder that died: nobody renews it, so it must end.
//!
//! The cluster is asked again and again how much of it is left. Its answers count, not the test's clock, which says little on a
//! busy machine. Within one leader's reign less and less is left, and soon after nothing is left the lease is gone. Only a
//! new leader may give time anew: it cannot know which leases its predecessor renewed, so it gives each its whole TTL and, for
//! what a predecessor that was cut off may have promised meanwhile, one election timeout.

use super::TTL_S;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{LeaseTimeToLiveRequest, RangeRequest},
};
use oxetcd_client::{Client, Error};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Between two questions, and in a lease's last second.
const PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_millis(20);
/// After so long without an answer it is asked once more.
const ANSWER: Duration = Duration::from_secs(5);
/// The members' election timeout, which they add when they begin to lead.
const ELECTION_S: i64 = 1;
/// Renewals that were on their way when their client died: of its last stream, and of one that had just been cut.
const LATE_RENEWALS: u64 = 2;
/// So often in a row a leader may say that less than a second is left of a lease that is still there. It tries again after three
/// seconds if its end came to nothing.
const MOST_ENDS: usize = 600;

/// The end of a lease, as the cluster told it.
pub(super) struct Vigil {
    lease: LeaseId,
    /// What was left in whole seconds, and the term of the member that answered.
    told: Vec<(Instant, i64, u64)>,
    died: Instant,
    gone: Instant,
    /// The term after that, or some earlier one.
    last_term: u64,
}

impl Vigil {
    /// Asks until the lease is gone, or something must not be. `None` when it was gone at once: it had ended before its client.
    pub(super) async fn keep(client: &Client, lease: LeaseId) -> Option<Vigil> {
        let died = Instant::now();
        let mut vigil = Vigil { lease, told: Vec::new(), died, gone: died, last_term: 0 };
        while let Some((left_s, term_told)) = left(client, lease).await {
            vigil.told.push((Instant::now(), left_s, term_told));
            if vigil.violation().is_some() {
                vigil.last_term = term(client).await;
            }
            if vigil.violation().is_some() {
                break;
            }
            tokio::time::sleep(if left_s > 0 { PAUSE } else { LAST_PAUSE }).await;
        }
        vigil.gone = Instant::now();
        vigil.last_term = term(client).await;
        (!vigil.told.is_empty()).then_some(vigil)
    }

    /// How often a leader came to lead meanwhile, at the most.
    fn elections(&self) -> u64 {
        self.last_term.saturating_sub(self.told.first().map_or(0, |(_, _, term)| *term))
    }

    /// When more was left than before.
    fn gifts(&self) -> impl Iterator<Item = Instant> {
        self.told.windows(2).filter(|pair| pair[1].1 > pair[0].1).map(|pair| pair[1].0)
    }

    /// How long it stayed.
    pub(super) fn stayed(&self) -> Duration {
        self.gone - self.died
    }

    /// How long it stayed after it was last given time.
    pub(super) fn stayed_after_gift(&self) -> Duration {
        self.gone - self.gifts().last().unwrap_or(self.died)
    }

    /// What must not be.
    pub(super) fn violation(&self) -> Option<String> {
        let longest = self.told.iter().map(|(_, left_s, _)| *left_s).max().unwrap_or(0);
        let ends = self.told.split(|(_, left_s, _)| *left_s > 0).map(<[_]>::len).max().unwrap_or(0);
        // A predecessor that does not know it yet may answer between two answers of the new one.
        let most_gifts = 2 * self.elections() + LATE_RENEWALS;
        let what = if longest > TTL_S + ELECTION_S {
            "was given more than a TTL and an election timeout"
        } else if ends > MOST_ENDS {
            "was over and not ended"
        } else if self.gifts().count() as u64 > most_gifts {
            "was given time more often than leaders changed"
        } else {
            return None;
        };
        Some(format!("a dead client's lease {what}: {self}"))
    }
}

impl fmt::Display for Vigil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x} stayed {:.2?}, {} elections;", self.lease, self.stayed(), self.elections())?;
        let mut before = None;
        for (at, left_s, term) in &self.told {
            if before.replace((left_s, term)) != Some((left_s, term)) {
                write!(f, " {:.1?}: {left_s} s left (term {term})", at.duration_since(self.died))?;
            }
        }
        Ok(())
    }
}

/// What is left of a lease and who says so; `None` when it is gone.
async fn left(client: &Client, id: LeaseId) -> Option<(i64, u64)> {
    let request = LeaseTimeToLiveRequest { id, keys: false };
    let answer = insist(|| client.lease_time_to_live(request)).await;
    (answer.ttl >= 0).then(|| (answer.ttl, answer.header.map_or(0, |header| header.raft_term)))
}

/// The term of a member that has just asked the leader something: no earlier leader's term is higher.
async fn term(client: &Client) -> u64 {
    let request = || RangeRequest { key: "a".into(), count_only: true, ..Default::default() };
    insist(|| client.range(request())).await.header.map_or(0, |header| header.raft_term)
}

/// The answer to a question that may be asked again. A test that gets none fails elsewhere: it does not go on.
async fn insist<T, F: Future<Output = Result<T, Error>>>(ask: impl Fn() -> F) -> T {
    loop {
        if let Ok(Ok(answer)) = tokio::time::timeout(ANSWER, ask()).await {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
