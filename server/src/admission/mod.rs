//! Who may take how much of this member, so that one client does not slow all others down.
//!
//! Three rules, each in a form that needs no clock and no network to be tested:
//!
//! * **Turns** ([`Turns`]): an answer of more than a handful of records is put together on a thread of its own, a few at
//!   a time. Of these places one client never has all: whoever asks once waits for nobody who asks all the time.
//! * **Pauses** ([`Pacer`]): such an answer is made in slices of a quarter of a millisecond. While others call, the
//!   thread rests for as long as the slice took; on an idle member it never rests.
//! * **What is vital** ([`is_vital`]) is never turned away: whatever makes room or ends what should have ended. Were it
//!   refused while the member is overloaded, the overload would last.

mod pace;
mod turns;

pub(crate) use pace::Pacer;
pub(crate) use turns::{Turn, Turns};

use crate::net::Remote;
use oxetcd_api::etcdserverpb::InternalRaftRequest;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Long answers that are put together at the same time.
const PLACES: usize = 2;
/// How many of them may be one client's.
const PLACES_PER_CLIENT: usize = 1;

/// What a member keeps to judge by.
pub(crate) struct Admission {
    turns: Arc<Turns<Remote>>,
    calls: AtomicU64,
}

impl Default for Admission {
    fn default() -> Self {
        Admission { turns: Arc::new(Turns::new(PLACES, PLACES_PER_CLIENT)), calls: AtomicU64::new(0) }
    }
}

impl Admission {
    /// Somebody calls.
    pub(crate) fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Waits until a long answer for `client` may begin. It may last as long as the turn is held.
    pub(crate) async fn turn(&self, client: Remote) -> Turn<Remote> {
        self.turns.take(client).await
    }
}

/// Whether a request goes into the log however far applying lags behind it. Keep-alives are not in the log at all, and
/// are answered whatever else is going on.
pub(crate) fn is_vital(request: &InternalRaftRequest) -> bool {
    request.compaction.is_some()
        || request.lease_revoke.is_some()
        || request.lease_checkpoint.is_some()
        || request.alarm.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::{
        AlarmRequest, CompactionRequest, DeleteRangeRequest, LeaseCheckpointRequest, LeaseGrantRequest,
        LeaseRevokeRequest, PutRequest,
    };

    #[test]
    fn what_makes_room_is_vital_and_what_takes_it_is_not() {
        let none = InternalRaftRequest::default;
        let vital = [
            InternalRaftRequest { compaction: Some(CompactionRequest::default()), ..none() },
            InternalRaftRequest { lease_revoke: Some(LeaseRevokeRequest::default()), ..none() },
            InternalRaftRequest { lease_checkpoint: Some(LeaseCheckpointRequest::default()), ..none() },
            InternalRaftRequest { alarm: Some(AlarmRequest::default()), ..none() },
        ];
        let others = [
            InternalRaftRequest { put: Some(PutRequest::default()), ..none() },
            InternalRaftRequest { delete_range: Some(DeleteRangeRequest::default()), ..none() },
            InternalRaftRequest { lease_grant: Some(LeaseGrantRequest::default()), ..none() },
        ];
        assert!(vital.iter().all(is_vital) && !others.iter().any(is_vital));
    }
}
