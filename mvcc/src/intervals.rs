//! A set of key intervals that answers whether a key lies in any of them, in logarithmic time: a transaction
//! may hold thousands of deletions and of puts to be checked against them.

use std::{collections::BTreeMap, ops::Bound};

/// Where an interval ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End<'a> {
    /// Right before this key.
    Before(&'a [u8]),
    /// Right behind this key.
    Behind(&'a [u8]),
}

impl End<'_> {
    /// Whether `key` lies before this end.
    fn is_after(&self, key: &[u8]) -> bool {
        match self {
            End::Before(end) => key < *end,
            End::Behind(last) => key <= *last,
        }
    }

    fn max(self, other: Self) -> Self {
        let (End::Before(key) | End::Behind(key)) = other;
        if self.is_after(key) { self } else { other }
    }
}

/// Disjoint intervals by their start.
#[derive(Debug, Default)]
pub(crate) struct Intervals<'a>(BTreeMap<&'a [u8], End<'a>>);

impl<'a> Intervals<'a> {
    /// Adds an interval, joined with those that it overlaps.
    pub(crate) fn insert(&mut self, mut start: &'a [u8], mut end: End<'a>) {
        if !end.is_after(start) {
            return;
        }
        while let Some((other_start, other_end)) = self.before(end) {
            if !other_end.is_after(start) {
                break;
            }
            self.0.remove(other_start);
            start = start.min(other_start);
            end = end.max(other_end);
        }
        self.0.insert(start, end);
    }

    /// The intervals, none touching another's inside.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a [u8], End<'a>)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }

    /// The last interval that begins before `end`.
    fn before(&self, end: End<'a>) -> Option<(&'a [u8], End<'a>)> {
        let found = match end {
            End::Before(key) => self.0.range(..key).next_back(),
            End::Behind(key) => self.0.range(..=key).next_back(),
        };
        found.map(|(start, end)| (*start, *end))
    }

    /// Whether `key` lies in any.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        let candidate = self.0.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        candidate.is_some_and(|(_, end)| end.is_after(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, b'a', b'b']), 1..4)
    }

    proptest! {
        #[test]
        fn holds_what_any_of_its_intervals_holds(
            intervals in prop::collection::vec((key(), key(), any::<bool>()), 0..12),
            probes in prop::collection::vec(key(), 20),
        ) {
            let ends = intervals.iter().map(|(start, end, before)| {
                (&start[..], if *before { End::Before(end) } else { End::Behind(end) })
            });
            let mut set = Intervals::default();
            ends.clone().for_each(|(start, end)| set.insert(start, end));
            for probe in &probes {
                let expected = ends.clone().any(|(start, end)| start <= &probe[..] && end.is_after(probe));
                prop_assert_eq!(set.contains(probe), expected);
            }
            let all: Vec<_> = set.iter().collect();
            prop_assert!(all.windows(2).all(|pair| !pair[0].1.is_after(pair[1].0)));
        }
    }
}
