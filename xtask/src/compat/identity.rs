//! Servers whose ids cannot be taken for anything else.
//!
//! Ids are hashes: of the peer's address and the cluster's token. One in sixteen has a hexadecimal digit less than usual,
//! one in a thousand has so few decimal ones that it looks like a hexadecimal one, and half of them need a byte more than the other half
//! in protobuf. Each of these would be a difference between two programs that is none. The token is ours to choose, so
//! servers get one that makes their ids, and those of the leases that they grant, as long as ids can be.

use sha1::{Digest, Sha1};

/// Ids from here on have 16 hexadecimal digits, 19 or 20 decimal ones and ten bytes in protobuf.
const LONG_ID: u64 = 1 << 63;
/// The lowest 15 bits of a member are the highest of its leases' ids; from here on these have 16 hexadecimal digits, 19
/// decimal ones and nine bytes in protobuf.
const LONG_LEASES: u64 = 0x1000;

/// A cluster's token for a member that is alone with this peer URL.
pub(crate) fn token(peer_url: &str) -> String {
    let tokens = (0_u32..).map(|number| format!("compat-{number}"));
    let lucky = |token: &String| {
        let member = first_word(&[peer_url.as_bytes(), token.as_bytes()]);
        let cluster = first_word(&[&member.to_be_bytes()]);
        member >= LONG_ID && cluster >= LONG_ID && member & 0x7fff >= LONG_LEASES
    };
    // About one token in five will do.
    tokens.take(10_000).find(lucky).unwrap_or_default()
}

/// The first eight bytes of what all parts hash to.
fn first_word(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_etcd_does() {
        let member = first_word(&[b"http://localhost:2380", b"etcd-cluster"]);
        assert_eq!(member, 0x8e9e_05c5_2164_694d);
        assert_eq!(first_word(&[&member.to_be_bytes()]), 0xcdf8_1819_4e3a_8c32);
    }

    #[test]
    fn finds_a_token_for_any_address() {
        for port in 1024..2048 {
            assert!(token(&format!("http://127.0.0.1:{port}")).starts_with("compat-"));
        }
    }
}
