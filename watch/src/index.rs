//! Which watchers want a key?
//!
//! Watchers of the same range stand in one group, so that a thousand watchers of one key are found by one
//! lookup and share one set of events. Groups of a single key are found by a hash map, all others by an
//! [`IntervalTree`].

use crate::tree::{End, IntervalTree};
use bytes::Bytes;
use oxetcd_api::KeyRange;
use slab::Slab;
use std::collections::HashMap;

/// Where a member stands: a place that [`Index::remove`] finds at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    group: usize,
    slot: usize,
}

struct Group {
    range: KeyRange,
    members: Vec<usize>,
}

/// Members (numbers that mean something to the caller), grouped by range.
pub(crate) struct Index {
    groups: Slab<Group>,
    singles: HashMap<Bytes, usize>,
    ranges: HashMap<KeyRange, usize>,
    tree: IntervalTree,
    len: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Index {
            groups: Slab::new(),
            singles: HashMap::new(),
            ranges: HashMap::new(),
            tree: IntervalTree::new(),
            len: 0,
        }
    }

    /// Number of members.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a member.
    pub(crate) fn insert(&mut self, range: &KeyRange, member: usize) -> Spot {
        let group = self.group_of(range);
        let members = &mut self.groups[group].members;
        members.push(member);
        self.len += 1;
        Spot { group, slot: members.len() - 1 }
    }

    /// Takes the member at `spot` out. Returns the member that now stands there in its place, if any: its spot
    /// has changed to `spot`.
    pub(crate) fn remove(&mut self, spot: Spot) -> Option<usize> {
        self.len -= 1;
        let group = &mut self.groups[spot.group];
        group.members.swap_remove(spot.slot);
        if group.members.is_empty() {
            self.drop_group(spot.group);
            return None;
        }
        group.members.get(spot.slot).copied()
    }

    /// Calls `visit` with the group of each range that holds `key`.
    pub(crate) fn matching(&self, key: &[u8], visit: &mut impl FnMut(usize)) {
        if let Some(group) = self.singles.get(key) {
            visit(*group);
        }
        self.tree.stab(key, visit);
    }

    /// The members of a group.
    pub(crate) fn members(&self, group: usize) -> &[usize] {
        &self.groups[group].members
    }

    fn group_of(&mut self, range: &KeyRange) -> usize {
        let known = match range {
            KeyRange::Single(key) => self.singles.get(key),
            _ => self.ranges.get(range),
        };
        if let Some(group) = known {
            return *group;
        }
        let group = self.groups.insert(Group { range: range.clone(), members: Vec::new() });
        match range {
            KeyRange::Single(key) => {
                self.singles.insert(key.clone(), group);
            }
            KeyRange::Between(start, _) | KeyRange::From(start) => {
                self.ranges.insert(range.clone(), group);
                self.tree.insert(start.clone(), end_of(range), group);
            }
        }
        group
    }

    fn drop_group(&mut self, group: usize) {
        let range = self.groups.remove(group).range;
        if let KeyRange::Single(key) = &range {
            self.singles.remove(key);
        } else {
            self.ranges.remove(&range);
            self.tree.remove(range.start(), &end_of(&range));
        }
    }
}

fn end_of(range: &KeyRange) -> End {
    match range {
        KeyRange::Between(_, end) => Some(end.clone()),
        KeyRange::Single(_) | KeyRange::From(_) => None,
    }
}
