//! Keys of a cluster at the service, and the members that stand there. No I/O.

use oxetcd_api::mvccpb::KeyValue;

/// Above the keys of all clusters.
const ROOT: &str = "/_etcd/registry";

/// The key that holds how many members there are to be.
pub(crate) fn size_key(token: &str) -> String {
    format!("{}/_config/size", cluster(token))
}

/// What the keys of all members begin with.
pub(crate) fn members_prefix(token: &str) -> String {
    format!("{}/members", cluster(token))
}

/// The key of the member `id`.
pub(crate) fn member_key(token: &str, id: u64) -> String {
    format!("{}/{id:x}", members_prefix(token))
}

fn cluster(token: &str) -> String {
    format!("{ROOT}/{}", token.trim_matches('/'))
}

/// The size that stands at [`size_key`].
pub(crate) fn size(value: &[u8]) -> Option<usize> {
    let size: usize = std::str::from_utf8(value).ok()?.parse().ok()?;
    (size > 0).then_some(size)
}

/// Members that have come so far, the first first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrivals(Vec<(i64, String, String)>);

impl Arrivals {
    /// Reads what stands under [`members_prefix`]. What is no member there is passed over.
    pub(crate) fn of(kvs: &[KeyValue]) -> Arrivals {
        let member = |kv: &KeyValue| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            let (key, value) = (text(&kv.key), text(&kv.value));
            if !value.contains('=') {
                tracing::warn!(
                    member_key = key,
                    member_info = value,
                    "invalid peer info returned from discovery service"
                );
                return None;
            }
            Some((kv.create_revision, key, value))
        };
        let mut members: Vec<_> = kvs.iter().filter_map(member).collect();
        members.sort();
        Arrivals(members)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `size` others have come before the one with this key, or before it has come.
    pub(crate) fn leave_no_room_for(&self, key: &str, size: usize) -> bool {
        self.0.iter().position(|(_, known, _)| known == key).unwrap_or(self.len()) >= size
    }

    /// The first `size` as a value of `--initial-cluster`.
    pub(crate) fn cluster(&self, size: usize) -> String {
        let first: Vec<&str> = self.0.iter().take(size).map(|(_, _, member)| member.as_str()).collect();
        first.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &str, value: &str, create_revision: i64) -> KeyValue {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        KeyValue { key, value, create_revision, ..Default::default() }
    }

    #[test]
    fn keys_are_those_of_etcd() {
        assert_eq!(size_key("t"), "/_etcd/registry/t/_config/size");
        assert_eq!(member_key("t", 0xab), "/_etcd/registry/t/members/ab");
        for (text, expected) in
            [("3", Some(3)), ("0", None), ("-1", None), ("x", None), ("", None), ("3 ", None)]
        {
            assert_eq!(size(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn the_first_that_came_are_the_cluster() {
        let members = Arrivals::of(&[
            kv("k1", "a=http://a:1", 9),
            kv("k2", " b=http://b:1,b=http://b:2\n", 5),
            kv("k3", "junk", 1),
        ]);
        assert_eq!(members.len(), 2);
        assert_eq!(members.cluster(1), "b=http://b:1,b=http://b:2");
        assert_eq!(members.cluster(5), "b=http://b:1,b=http://b:2,a=http://a:1");
    }

    #[test]
    fn a_cluster_is_full_for_those_that_come_behind_its_size() {
        let members = Arrivals::of(&[kv("k1", "a=http://a:1", 5), kv("k2", "b=http://b:1", 9)]);
        for (key, size, full) in
            [("k1", 1, false), ("k2", 1, true), ("k2", 2, false), ("new", 2, true), ("new", 3, false)]
        {
            assert_eq!(members.leave_no_room_for(key, size), full, "{key} of {size}");
        }
    }
}
