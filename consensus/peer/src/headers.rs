//! Headers that every request between members carries, and what is made of them.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const SERVER_FROM: HeaderName = HeaderName::from_static("x-server-from");
pub(crate) const SERVER_VERSION: HeaderName = HeaderName::from_static("x-server-version");
pub(crate) const MIN_CLUSTER_VERSION: HeaderName = HeaderName::from_static("x-min-cluster-version");
pub(crate) const CLUSTER_ID: HeaderName = HeaderName::from_static("x-etcd-cluster-id");
pub(crate) const PEER_URLS: HeaderName = HeaderName::from_static("x-peerurls");
pub(crate) const RAFT_TO: HeaderName = HeaderName::from_static("x-raft-to");
/// Whoever sends this reads entries of the v2 API, whatever its version is. None of etcd's own.
pub(crate) const READS_V2: HeaderName = HeaderName::from_static("x-etcd-reads-v2");

/// The oldest version of a cluster that a member of these days understands.
pub(crate) const OLDEST_CLUSTER: &str = "3.0.0";

/// What a member says whose version does not fit. Members look for these very words.
pub(crate) const INCOMPATIBLE: &str = "incompatible version";
/// The same, for another cluster.
pub(crate) const OTHER_CLUSTER: &str = "cluster ID mismatch";

/// Major and minor version: what compatibility depends on.
pub(crate) type Version = (u64, u64);

/// Reads `3.7.1` and the like.
pub(crate) fn parse_version(text: &str) -> Option<Version> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The text of a header; empty if it is missing.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Ids are written in hex, without leading zeros.
pub(crate) fn parse_id(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok().filter(|_| !text.starts_with('+'))
}

pub(crate) fn id_value(id: u64) -> HeaderValue {
    HeaderValue::try_from(format!("{id:x}")).expect("hex digits may stand in a header")
}

/// Whether a request of these headers comes from a member of this cluster that can be understood.
pub(crate) fn check(headers: &HeaderMap, own_version: Version, cluster_id: u64) -> Result<(), &'static str> {
    // Members older than these headers were 2.0.
    let version = |name: HeaderName| match text(headers, &name) {
        "" => Some((2, 0)),
        text => parse_version(text),
    };
    let oldest_cluster = parse_version(OLDEST_CLUSTER).unwrap_or_default();
    let server_fits = version(SERVER_VERSION).is_some_and(|server| server >= oldest_cluster);
    let cluster_fits = version(MIN_CLUSTER_VERSION).is_some_and(|oldest| oldest <= own_version);
    if !server_fits || !cluster_fits {
        return Err(INCOMPATIBLE);
    }
    if text(headers, &CLUSTER_ID) != format!("{cluster_id:x}") {
        return Err(OTHER_CLUSTER);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(server: &'static str, oldest: &'static str, cluster: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(SERVER_VERSION, server), (MIN_CLUSTER_VERSION, oldest), (CLUSTER_ID, cluster)]
        {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    #[test]
    fn versions_and_cluster_must_fit() {
        let verdict = |server, oldest, cluster| check(&headers(server, oldest, cluster), (3, 7), 0xabc);
        assert_eq!(verdict("3.7.1", "3.0.0", "abc"), Ok(()));
        assert_eq!(verdict("3.5.1", "3.0.0", "abc"), Ok(()));
        assert_eq!(verdict("3.8.0", "3.7.0", "abc"), Ok(()));
        assert_eq!(verdict("3.8.0", "3.8.0", "abc"), Err(INCOMPATIBLE));
        assert_eq!(verdict("2.3.8", "2.1.0", "abc"), Err(INCOMPATIBLE));
        assert_eq!(verdict("", "", "abc"), Err(INCOMPATIBLE));
        assert_eq!(verdict("three", "3.0.0", "abc"), Err(INCOMPATIBLE));
        assert_eq!(verdict("3.7.1", "3.0.0", "abd"), Err(OTHER_CLUSTER));
        assert_eq!(verdict("3.7.1", "3.0.0", ""), Err(OTHER_CLUSTER));
    }

    #[test]
    fn ids_are_hex() {
        assert_eq!(parse_id("8e9e05c52164694d"), Some(0x8e9e_05c5_2164_694d));
        for bad in ["", "+1", "-1", "x", "10000000000000000"] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
