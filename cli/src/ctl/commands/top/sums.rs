//! Sums by prefix: no key is kept, only what all keys of a prefix add up to.

use oxetcd_api::mvccpb::{Event, KeyValue, event::EventType};
use std::collections::BTreeMap;

/// Prefixes told apart. Beyond that the rest counts as one: who asks for more parts than keys have in common would
/// else keep every key.
const PREFIXES_MAX: usize = 10_000;

/// What the keys of a prefix add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Living keys.
    pub(super) keys: i64,
    /// Bytes of these keys and their values.
    pub(super) bytes: i64,
    /// Puts in this interval,
    pub(super) puts: u64,
    /// deletions,
    pub(super) deletes: u64,
    /// and bytes that the puts wrote.
    pub(super) put_bytes: u64,
}

impl Sum {
    /// Adds up two sums.
    pub(super) fn plus(self, other: Sum) -> Sum {
        Sum {
            keys: self.keys + other.keys,
            bytes: self.bytes + other.bytes,
            puts: self.puts + other.puts,
            deletes: self.deletes + other.deletes,
            put_bytes: self.put_bytes + other.put_bytes,
        }
    }
}

/// All sums.
pub(super) struct Sums {
    /// Bytes at the start of every key that are no part of its parts.
    above: usize,
    depth: usize,
    of: BTreeMap<Vec<u8>, Sum>,
    /// Of prefixes that there were too many of.
    rest: Sum,
}

impl Sums {
    /// No keys yet; of keys below `above` the next `depth` parts are told apart.
    pub(super) fn new(above: &[u8], depth: usize) -> Self {
        Sums { above: above.len(), depth: depth.max(1), of: BTreeMap::new(), rest: Sum::default() }
    }

    /// The sums, in order of the prefixes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Sum)> {
        self.of.iter().map(|(prefix, sum)| (&prefix[..], *sum))
    }

    /// What all prefixes that there were too many of add up to.
    pub(super) fn rest(&self) -> Sum {
        self.rest
    }

    /// The keys up to and with the `depth`th slash behind what is above; a slash at its very start opens a part.
    fn prefix<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let start = self.above.min(key.len());
        let below = &key[start..];
        let skip = usize::from(below.first() == Some(&b'/'));
        let slashes = below.iter().enumerate().skip(skip).filter(|(_, byte)| **byte == b'/');
        let end = slashes.map(|(at, _)| start + at + 1).nth(self.depth - 1);
        &key[..end.unwrap_or(key.len())]
    }

    fn at(&mut self, key: &[u8]) -> &mut Sum {
        let prefix = self.prefix(key).to_vec();
        if self.of.len() >= PREFIXES_MAX && !self.of.contains_key(&prefix) {
            return &mut self.rest;
        }
        self.of.entry(prefix).or_default()
    }

    /// This key was there.
    pub(super) fn found(&mut self, kv: &KeyValue) {
        let sum = self.at(&kv.key);
        sum.keys += 1;
        sum.bytes += size(kv);
    }

    /// This key changed.
    pub(super) fn changed(&mut self, event: &Event) {
        let Some(kv) = &event.kv else { return };
        let before = event.prev_kv.as_ref();
        let is_put = event.r#type() == EventType::Put;
        let sum = self.at(&kv.key);
        if is_put {
            sum.puts += 1;
            sum.put_bytes += size(kv).unsigned_abs();
            sum.bytes += size(kv) - before.map_or(0, size);
            sum.keys += i64::from(kv.create_revision == kv.mod_revision);
        } else {
            sum.deletes += 1;
            sum.bytes -= before.map_or(0, size);
            sum.keys -= 1;
        }
    }

    /// Rates begin anew.
    pub(super) fn begin_interval(&mut self) {
        let begin = |sum: &mut Sum| *sum = Sum { keys: sum.keys, bytes: sum.bytes, ..Sum::default() };
        self.of.values_mut().for_each(begin);
        begin(&mut self.rest);
        self.of.retain(|_, sum| sum.keys != 0);
    }
}

fn size(kv: &KeyValue) -> i64 {
    (kv.key.len() + kv.value.len()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kv(key: &str, value_len: usize) -> KeyValue {
        KeyValue { key: key.to_owned().into(), value: vec![0; value_len].into(), ..KeyValue::default() }
    }

    #[test]
    fn parts_end_behind_a_slash() {
        let prefix = |above: &str, depth, key: &'static str| {
            let sums = Sums::new(above.as_bytes(), depth);
            String::from_utf8_lossy(sums.prefix(key.as_bytes())).into_owned()
        };
        assert_eq!(prefix("", 1, "/registry/pods/a"), "/registry/");
        assert_eq!(prefix("", 2, "/registry/pods/a"), "/registry/pods/");
        assert_eq!(prefix("/registry/", 1, "/registry/pods/a"), "/registry/pods/");
        assert_eq!(prefix("/registry", 1, "/registry/pods/a"), "/registry/pods/");
        assert_eq!(prefix("", 1, "foo/bar"), "foo/");
        assert_eq!(prefix("", 9, "foo/bar"), "foo/bar");
        assert_eq!(prefix("", 1, "plain"), "plain");
        assert_eq!(prefix("plain", 1, "plain"), "plain");
    }

    #[test]
    fn too_many_prefixes_count_as_one() {
        let mut sums = Sums::new(b"", 1);
        (0..PREFIXES_MAX + 3).for_each(|number| sums.found(&kv(&format!("k{number:05}"), 4)));
        assert_eq!((sums.iter().count(), sums.rest().keys), (PREFIXES_MAX, 3));
    }

    proptest! {
        /// Whatever changes, the sums are those of the keys that are there.
        #[test]
        fn sums_follow_the_changes(
            steps in prop::collection::vec((0usize..12, prop::option::of(0usize..50)), 0..100),
            early in 0usize..100,
        ) {
            let key = |number: usize| format!("p{}/{}", number % 3, number);
            let mut there: BTreeMap<String, KeyValue> = BTreeMap::new();
            let mut sums = Sums::new(b"", 1);
            let mut first = true;
            for (revision, (number, length)) in steps.into_iter().enumerate() {
                if revision >= early && std::mem::take(&mut first) {
                    there.values().for_each(|kv| sums.found(kv));
                }
                let (key, revision) = (key(number), revision as i64 + 1);
                let before = there.get(&key).cloned();
                let event = if let Some(length) = length {
                    let create_revision = before.as_ref().map_or(revision, |kv| kv.create_revision);
                    let kv = KeyValue { create_revision, mod_revision: revision, ..kv(&key, length) };
                    there.insert(key, kv.clone());
                    Event { r#type: EventType::Put as i32, kv: Some(kv), prev_kv: before }
                } else {
                    if there.remove(&key).is_none() {
                        continue;
                    }
                    Event { r#type: EventType::Delete as i32, kv: Some(kv(&key, 0)), prev_kv: before }
                };
                if !first {
                    sums.changed(&event);
                }
            }
            prop_assume!(!first);
            sums.begin_interval();
            let mut expected = BTreeMap::<String, (i64, i64)>::new();
            for kv in there.values() {
                let prefix = String::from_utf8_lossy(&kv.key[..3]).into_owned();
                let sum = expected.entry(prefix).or_default();
                *sum = (sum.0 + 1, sum.1 + size(kv));
            }
            let found: BTreeMap<_, _> = sums
                .iter()
                .map(|(prefix, sum)| (String::from_utf8_lossy(prefix).into_owned(), (sum.keys, sum.bytes)))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
