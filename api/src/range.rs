//! Key ranges in etcd's form.
//!
//! On the wire a range is `key` and `range_end`: an empty end means the one key, an end of a single zero byte
//! means everything from the key on, anything else is the excluded upper bound.

use bytes::Bytes;

/// A set of keys: one, an interval, or everything from a key on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyRange {
    /// Exactly this key.
    Single(Bytes),
    /// From the first (included) to the second (excluded).
    Between(Bytes, Bytes),
    /// This key and all after it.
    From(Bytes),
}

impl KeyRange {
    /// Reads the pair of the wire. An interval whose end is not after its start is empty, not an error.
    pub fn new(key: Bytes, range_end: Bytes) -> Self {
        if range_end.is_empty() {
            KeyRange::Single(key)
        } else if range_end[..] == [0] {
            KeyRange::From(key)
        } else {
            KeyRange::Between(key, range_end)
        }
    }

    /// All keys that start with `prefix`; an empty prefix is every key.
    pub fn prefix(prefix: Bytes) -> Self {
        match prefix.iter().rposition(|byte| *byte != 0xff) {
            Some(last) if !prefix.is_empty() => {
                let mut end = prefix[..=last].to_vec();
                end[last] += 1;
                KeyRange::Between(prefix, end.into())
            }
            _ => KeyRange::From(prefix),
        }
    }

    /// The smallest key that can be inside.
    pub fn start(&self) -> &[u8] {
        match self {
            KeyRange::Single(key) | KeyRange::Between(key, _) | KeyRange::From(key) => key,
        }
    }

    /// Whether `key` is inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            KeyRange::Single(only) => only[..] == *key,
            KeyRange::Between(start, end) => start[..] <= *key && *key < end[..],
            KeyRange::From(start) => start[..] <= *key,
        }
    }

    /// Whether no key can be inside.
    pub fn is_empty(&self) -> bool {
        matches!(self, KeyRange::Between(start, end) if end <= start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_wire_forms() {
        let range = |k: &'static str, e: &'static [u8]| KeyRange::new(k.into(), Bytes::from_static(e));
        assert!(range("a", b"").contains(b"a") && !range("a", b"").contains(b"aa"));
        assert!(range("a", b"c").contains(b"b") && !range("a", b"c").contains(b"c"));
        assert!(range("b", b"\0").contains(b"z") && !range("b", b"\0").contains(b"a"));
        assert!(range("b", b"a").is_empty());
    }

    #[test]
    fn a_prefix_of_all_ones_has_no_end() {
        assert_eq!(KeyRange::prefix("ab".into()), KeyRange::Between("ab".into(), "ac".into()));
        assert_eq!(
            KeyRange::prefix(Bytes::from_static(b"a\xff")),
            KeyRange::Between(Bytes::from_static(b"a\xff"), "b".into())
        );
        assert_eq!(
            KeyRange::prefix(Bytes::from_static(b"\xff")),
            KeyRange::From(Bytes::from_static(b"\xff"))
        );
        assert!(KeyRange::prefix(Bytes::new()).contains(b"any"));
    }
}
