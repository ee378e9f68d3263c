//! Watchers that catch up together: one read of the history for all of them.
//!
//! Reading for each watcher alone would cost a read a watcher; reading for all at once would hold those near
//! the head back behind one that starts at the beginning of time. So a turn belongs to the watcher that has
//! waited longest. It takes along those that its read serves anyway and that are not further behind: of the
//! same key, or of other ranges if it reads a range, or all when a crowd waits near the current revision. The
//! rest wait for their own turn, in order.

use crate::{
    HistoryError,
    chunk::{Chunk, EventSet, Filter},
    index::Index,
    publish::Variants,
    state::State,
    watcher::{Place, Ticket},
};
use bytes::Bytes;
use oxetcd_api::{Event, KeyRange};
use std::{collections::HashMap, sync::Arc};

/// Watchers served by one read, at most.
const COHORT_LIMIT: usize = 512;
/// Waiting watchers looked at to find them, at most.
const LOOK_LIMIT: usize = 1024;
/// With so few revisions to read, and so many waiting for them, one read of all keys is cheaper than one for
/// each key, whatever the ranges.
const NEAR_REVISIONS: i64 = 4096;
/// See [`NEAR_REVISIONS`].
const CROWD: usize = 16;

/// One watcher of a cohort, as it was when the read began.
pub(crate) struct Member {
    pub(crate) key: usize,
    /// Proves later that the watcher is still the same one and still waits for this read.
    pub(crate) ticket: Ticket,
    pub(crate) next: i64,
    filter: Filter,
    range: KeyRange,
}

/// Watchers to read for, and what to read.
pub(crate) struct Cohort {
    pub(crate) members: Vec<Member>,
    /// A range that holds the ranges of all members.
    pub(crate) range: KeyRange,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What a read has brought for one member.
pub(crate) struct Portion {
    pub(crate) key: usize,
    pub(crate) ticket: Ticket,
    pub(crate) events: Option<EventSet>,
}

impl State {
    /// Chooses who is read for next; `None` when nobody can be.
    pub(crate) fn gather(&mut self) -> Option<Cohort> {
        let leader = self.next_reader(LOOK_LIMIT)?;
        let mut cohort = Cohort {
            members: Vec::new(),
            range: self.watchers[leader].wish.range.clone(),
            from: self.watchers[leader].next,
            to: self.current,
        };
        self.enlist(leader, &mut cohort);
        let mates = self.mates(&cohort);
        for key in mates {
            if self.start_reading(key) {
                self.enlist(key, &mut cohort);
            }
        }
        Some(cohort)
    }

    /// Chooses who is read for together with the leader, who is all that is in `cohort` yet.
    fn mates(&self, cohort: &Cohort) -> Vec<usize> {
        let not_behind = |key: &usize| self.watchers[*key].next >= cohort.from;
        let waiting: Vec<usize> = self.ready().take(LOOK_LIMIT).filter(not_behind).collect();
        let crowd = cohort.to - cohort.from < NEAR_REVISIONS && waiting.len() >= CROWD;
        let single = |range: &KeyRange| matches!(range, KeyRange::Single(_));
        let joins = |key: &usize| {
            let range = &self.watchers[*key].wish.range;
            crowd || *range == cohort.range || !(single(range) || single(&cohort.range))
        };
        waiting.into_iter().filter(joins).take(COHORT_LIMIT - 1).collect()
    }

    fn enlist(&self, key: usize, cohort: &mut Cohort) {
        let watcher = &self.watchers[key];
        let Place::Reading(ticket) = watcher.place else { return };
        if watcher.wish.range != cohort.range {
            cohort.range = hull(&cohort.range, &watcher.wish.range);
        }
        cohort.members.push(Member {
            key,
            ticket,
            next: watcher.next,
            filter: watcher.wish.filter,
            range: watcher.wish.range.clone(),
        });
    }

    /// Takes in what a read has brought. `next` is the first revision not read, `header_rev` the one for the
    /// replies' headers.
    pub(crate) fn deliver(&mut self, portions: &[Portion], next: i64, header_rev: i64) {
        for portion in portions {
            let Some(watcher) = self.watchers.get_mut(portion.key) else { continue };
            // Canceled, or ended and its place taken by another: the events are nobody's.
            if watcher.place != Place::Reading(portion.ticket) {
                continue;
            }
            if watcher.next >= next {
                // The read stopped before it came to this one.
                self.stop_reading(portion.key);
                continue;
            }
            match &portion.events {
                None => watcher.next = next,
                Some(events) => match watcher.offer(events, header_rev, next) {
                    Ok(()) => self.events_sent += events.len() as u64,
                    Err(_) => {
                        self.block(portion.key);
                        continue;
                    }
                },
            }
            self.settle(portion.key);
        }
    }

    /// Takes in that a read has failed: all members wait on. `false` when trying again at once is useless.
    pub(crate) fn give_back(&mut self, cohort: &Cohort, error: &HistoryError) -> bool {
        for member in &cohort.members {
            let same = |w: &&mut crate::watcher::Watcher| w.place == Place::Reading(member.ticket);
            if self.watchers.get_mut(member.key).filter(same).is_some() {
                self.stop_reading(member.key);
            }
        }
        match error {
            HistoryError::Compacted(revision) => {
                self.compacted = self.compacted.max(*revision);
                cohort.from < self.compacted
            }
            HistoryError::Unavailable(_) => false,
        }
    }
}

/// Sorts the events of a read by the members that they are for; what is for nobody is dropped.
pub(crate) struct Sorter<'a> {
    cohort: &'a Cohort,
    index: Index,
    events: Vec<Event>,
    /// Numbers of the events by group of the index.
    matching: HashMap<usize, Vec<u32>>,
}

impl<'a> Sorter<'a> {
    pub(crate) fn new(cohort: &'a Cohort) -> Self {
        let mut index = Index::new();
        for (at, member) in cohort.members.iter().enumerate() {
            index.insert(&member.range, at);
        }
        Sorter { cohort, index, events: Vec::new(), matching: HashMap::new() }
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, event: Event) {
        if !(self.cohort.from..=self.cohort.to).contains(&event.revision.main) {
            return;
        }
        let at = self.events.len() as u32;
        let mut wanted = false;
        self.index.matching(&event.key, &mut |group| {
            self.matching.entry(group).or_default().push(at);
            wanted = true;
        });
        if wanted {
            self.events.push(event);
        }
    }

    /// What each member gets.
    pub(crate) fn finish(self) -> Vec<Portion> {
        let portion = |member: &Member| Portion { key: member.key, ticket: member.ticket, events: None };
        let mut portions: Vec<Portion> = self.cohort.members.iter().map(portion).collect();
        let chunk = Arc::new(Chunk::new(self.events));
        for (group, picks) in &self.matching {
            self.cohort.deal(&chunk, self.index.members(*group), picks, &mut portions);
        }
        portions
    }
}

impl Cohort {
    /// Gives the members of one range their events, shared among those that want the same.
    fn deal(&self, chunk: &Arc<Chunk>, members: &[usize], picks: &[u32], portions: &mut [Portion]) {
        let mut by_skip: HashMap<usize, Variants<'_>> = HashMap::new();
        for at in members {
            let member = &self.members[*at];
            let seen = |pick: &u32| chunk.events()[*pick as usize].revision.main < member.next;
            let skip = picks.partition_point(seen);
            let variants = by_skip.entry(skip).or_insert_with(|| Variants::new(chunk, &picks[skip..]));
            portions[*at].events = variants.get(member.filter).cloned();
        }
    }
}

/// The smallest range that holds both.
fn hull(a: &KeyRange, b: &KeyRange) -> KeyRange {
    let start = if a.start() <= b.start() { start_of(a) } else { start_of(b) };
    match (end_of(a), end_of(b)) {
        (Some(a), Some(b)) => KeyRange::Between(start, a.max(b)),
        _ => KeyRange::From(start),
    }
}

fn start_of(range: &KeyRange) -> Bytes {
    match range {
        KeyRange::Single(start) | KeyRange::Between(start, _) | KeyRange::From(start) => start.clone(),
    }
}

fn end_of(range: &KeyRange) -> Option<Bytes> {
    match range {
        // The next key after a single one is the same with a zero byte behind it.
        KeyRange::Single(key) => Some([key.as_ref(), &[0]].concat().into()),
        KeyRange::Between(_, end) => Some(end.clone()),
        KeyRange::From(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_holds_both_ranges() {
        let key = |key: &'static str| KeyRange::Single(key.into());
        let between = |a: &'static str, b: &'static str| KeyRange::Between(a.into(), b.into());
        assert_eq!(hull(&key("b"), &key("a")), between("a", "b\0"));
        assert_eq!(hull(&between("a", "c"), &between("b", "d")), between("a", "d"));
        assert_eq!(hull(&between("b", "c"), &KeyRange::From("a".into())), KeyRange::From("a".into()));
    }
}
