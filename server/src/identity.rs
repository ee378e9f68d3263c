//! Ids of this member's requests; those of members and clusters are made where data dirs are.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) use oxetcd_datadir::{cluster_id, member_id};

/// Gives every request of this member its own id: 16 bits of the member, 40 of the start time in
/// milliseconds, 8 and more to count on, so that ids stay different across restarts.
#[derive(Debug)]
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Ids of `member_id`, from now on.
    pub(crate) fn new(member_id: u64) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = (since_epoch.as_millis() as u64 & ((1 << 40) - 1)) << 8;
        RequestIds(AtomicU64::new(member_id << 48 | time))
    }

    /// The next id; never 0.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_carry_the_member_and_never_repeat() {
        let ids = RequestIds::new(0xabcd_ef01);
        let (a, b) = (ids.next(), ids.next());
        assert!(a != b && a >> 48 == 0xef01 && b >> 48 == 0xef01);
    }
}
