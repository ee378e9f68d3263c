//! Ids of members and clusters, computed as etcd does, so that a data dir, a peer or a client of either kind sees
//! the same numbers.

use sha1::{Digest, Sha1};

/// Id of a member of a new cluster: from its peer URLs in order and the cluster's token. The name is not in it.
pub fn member_id(peer_urls: &[String], token: &str) -> u64 {
    let mut urls: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
    urls.sort_unstable();
    first_word(urls.into_iter().chain([token]).map(str::as_bytes))
}

/// Id of a cluster: from the ids of its first members.
pub fn cluster_id(member_ids: &[u64]) -> u64 {
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
}
