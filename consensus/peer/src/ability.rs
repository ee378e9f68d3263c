//! What a peer can read.
//!
//! Etcd had a v2 API, whose writes stand in the log in a form of their own. Its release 3.6 gave that up, and a member
//! that comes upon such an entry stops. So whoever reads them says so in every request and answer, whoever is older
//! than 3.6 does without saying, and nobody else is sent any. [`PeerHost`](crate::PeerHost) knows what that concerns.

use crate::headers::{READS_V2, SERVER_VERSION, Version, parse_version, text};
use http::HeaderMap;
use std::sync::atomic::{AtomicU8, Ordering};

/// The first version of etcd that does not read entries of the v2 API.
const UNABLE: Version = (3, 6);

const UNKNOWN: u8 = 0;
const ABLE: u8 = 1;
const NOT_ABLE: u8 = 2;

/// Whether a peer reads entries of the v2 API, by what it said last.
#[derive(Debug, Default)]
pub(crate) struct Ability(AtomicU8);

impl Ability {
    /// `None` as long as it has said nothing.
    pub(crate) fn reads_v2(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => None,
            ability => Some(ability == ABLE),
        }
    }

    /// Takes note of what the headers of a request or an answer say.
    pub(crate) fn learn(&self, headers: &HeaderMap) {
        if let Some(able) = said(headers) {
            self.0.store(if able { ABLE } else { NOT_ABLE }, Ordering::Relaxed);
        }
    }
}

/// What headers say; `None` if nothing.
pub(crate) fn said(headers: &HeaderMap) -> Option<bool> {
    if headers.contains_key(READS_V2) {
        return Some(true);
    }
    parse_version(text(headers, &SERVER_VERSION)).map(|version| version < UNABLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_last_word_counts() {
        let ability = Ability::default();
        let mut headers = HeaderMap::new();
        ability.learn(&headers);
        assert_eq!(ability.reads_v2(), None);
        for (version, able) in [("3.5.21", true), ("3.6.0", false), ("2.3.8", true), ("4.0.0", false)] {
            headers.insert(SERVER_VERSION, HeaderValue::from_static(version));
            ability.learn(&headers);
            assert_eq!(ability.reads_v2(), Some(able), "{version}");
        }
        headers.insert(READS_V2, HeaderValue::from_static("true"));
        ability.learn(&headers);
        assert_eq!(ability.reads_v2(), Some(true));
        ability.learn(&HeaderMap::new());
        assert_eq!(ability.reads_v2(), Some(true));
    }
}
