//! The interval index: which keys a set of permissions covers.
//!
//! Permissions overlap and touch; what counts is their union. So they are merged once, when users or roles change,
//! into disjoint intervals in order, and a question is one binary search. A range is covered when one interval
//! of the union holds all of it: two permissions that meet without a gap are as good as one.

/// Where an interval ends: before a key, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Before(Vec<u8>),
    Never,
}

impl End {
    fn is_before(&self, key: &[u8]) -> bool {
        matches!(self, End::Before(end) if end[..] < *key)
    }

    fn is_behind(&self, key: &[u8]) -> bool {
        match self {
            End::Before(end) => *key < end[..],
            End::Never => true,
        }
    }

    fn reaches(&self, other: &End) -> bool {
        match (self, other) {
            (End::Never, _) => true,
            (End::Before(_), End::Never) => false,
            (End::Before(end), End::Before(other)) => other <= end,
        }
    }
}

/// Disjoint intervals of keys, in order, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<(Vec<u8>, End)>);

/// The end that stands for "everything from the key on".
const OPEN: &[u8] = &[0];

fn end_of(key: &[u8], range_end: &[u8]) -> End {
    match range_end {
        [] => End::Before([key, &[0]].concat()),
        OPEN => End::Never,
        end => End::Before(end.to_vec()),
    }
}

impl Intervals {
    /// The union of ranges in the wire's form. Ranges without a start or that are empty add nothing.
    pub fn union<'a>(ranges: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let named = ranges.into_iter().filter(|(key, _)| !key.is_empty());
        let mut all: Vec<_> = named.map(|(key, end)| (key.to_vec(), end_of(key, end))).collect();
        all.retain(|(start, end)| end.is_behind(start));
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut merged: Vec<(Vec<u8>, End)> = Vec::with_capacity(all.len());
        for (start, end) in all {
            match merged.last_mut() {
                Some((_, last)) if !last.is_before(&start) => {
                    if !last.reaches(&end) {
                        *last = end;
                    }
                }
                _ => merged.push((start, end)),
            }
        }
        Intervals(merged)
    }

    /// Whether every key of the range in the wire's form is inside. Of an empty range only the start counts, as
    /// in etcd.
    pub fn cover(&self, key: &[u8], range_end: &[u8]) -> bool {
        let after = self.0.partition_point(|(start, _)| start[..] <= *key);
        let Some((_, end)) = after.checked_sub(1).and_then(|at| self.0.get(at)) else { return false };
        end.is_behind(key) && end.reaches(&end_of(key, range_end))
    }
}
