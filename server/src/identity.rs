//! Ids of members, clusters and requests, computed as etcd does, so that a data dir, a peer or a client of
//! either kind sees the same numbers.

use sha1::{Digest, Sha1};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Id of a member of a new cluster: from its peer URLs in order and the cluster's token. The name is not in it.
pub(crate) fn member_id(peer_urls: &[String], token: &str) -> u64 {
    let mut urls: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
    urls.sort_unstable();
    first_word(urls.into_iter().chain([token]).map(str::as_bytes))
}

/// Id of a cluster: from the ids of its first members.
pub(crate) fn cluster_id(member_ids: &[u64]) -> u64 {
    let mut ids = member_ids.to_vec();
    ids.sort_unstable();
    let words: Vec<[u8; 8]> = ids.into_iter().map(u64::to_be_bytes).collect();
    first_word(words.iter().map(|word| &word[..]))
}

fn first_word<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut sha = Sha1::new();
    for part in parts {
        sha.update(part);
    }
    let digest = sha.finalize();
    digest.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
}

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
    fn ids_are_those_of_etcd() {
        // What etcd 3.7.1 gives a single default member.
        let id = member_id(&["http://localhost:2380".into()], "etcd-cluster");
        assert_eq!(format!("{id:x}"), "8e9e05c52164694d");
        assert_eq!(format!("{:x}", cluster_id(&[id])), "cdf818194e3a8c32");
    }

    #[test]
    fn request_ids_carry_the_member_and_never_repeat() {
        let ids = RequestIds::new(0xabcd_ef01);
        let (a, b) = (ids.next(), ids.next());
        assert!(a != b && a >> 48 == 0xef01 && b >> 48 == 0xef01);
    }
}
