//! Fan-out: from one transaction's events to the watchers that match.

use crate::{
    chunk::{Chunk, EventSet, Filter, Picks},
    state::State,
    watcher::Place,
};
use oxetcd_api::{Event, EventBatch};
use std::sync::Arc;

/// Number of different filters; see [`Filter::variant`].
const FILTER_VARIANTS: usize = 4;

/// What the watchers of one group get, one set of events for each filter, made when first wanted.
pub(crate) struct Variants<'a> {
    chunk: &'a Arc<Chunk>,
    matching: &'a [u32],
    made: [Option<Option<EventSet>>; FILTER_VARIANTS],
}

impl<'a> Variants<'a> {
    pub(crate) fn new(chunk: &'a Arc<Chunk>, matching: &'a [u32]) -> Self {
        Variants { chunk, matching, made: [const { None }; FILTER_VARIANTS] }
    }

    /// The events that `filter` lets through; `None` when there are none.
    pub(crate) fn get(&mut self, filter: Filter) -> Option<&EventSet> {
        let made = &mut self.made[filter.variant()];
        made.get_or_insert_with(|| {
            let picks = if filter == Filter::default() {
                Picks::new(self.matching)
            } else {
                let events = self.chunk.events();
                let passes = |at: &u32| filter.passes(&events[*at as usize]);
                Picks::new(&self.matching.iter().copied().filter(passes).collect::<Vec<u32>>())
            };
            picks.map(|picks| EventSet::new(self.chunk.clone(), picks))
        })
        .as_ref()
    }
}

impl State {
    /// Gives one transaction's events to the synced watchers that match.
    ///
    /// A revision that is already known is dropped, so that publishing twice doubles nothing. After a gap all
    /// watchers read up what is missing, so that a lost call loses nothing.
    pub(crate) fn publish(&mut self, batch: EventBatch) {
        let EventBatch { revision, events } = batch;
        if revision <= self.current {
            return;
        }
        if revision > self.current + 1 {
            self.jump(revision);
            return;
        }
        let matches = self.matches(&events);
        self.current = revision;
        if matches.is_empty() {
            return;
        }
        let chunk = Arc::new(Chunk::new(events));
        let mut lagging = Vec::new();
        for run in matches.chunk_by(|a, b| a.0 == b.0) {
            let picks: Vec<u32> = run.iter().map(|(_, event)| *event).collect();
            self.fan_out(run[0].0, Variants::new(&chunk, &picks), revision, &mut lagging);
        }
        for key in lagging {
            let watcher = &mut self.watchers[key];
            watcher.next = watcher.next.max(revision);
            self.block(key);
        }
    }

    /// Pairs of group and event, grouped by group, in order of the events.
    fn matches(&self, events: &[Event]) -> Vec<(usize, u32)> {
        let mut matches = Vec::new();
        if self.index.len() == 0 {
            return matches;
        }
        for (at, event) in events.iter().enumerate() {
            self.index.matching(&event.key, &mut |group| matches.push((group, at as u32)));
        }
        if events.len() > 1 {
            matches.sort_unstable();
        }
        matches
    }

    /// Offers a group of watchers its events; those that cannot take them are added to `lagging`.
    fn fan_out(&mut self, group: usize, mut variants: Variants<'_>, revision: i64, lagging: &mut Vec<usize>) {
        for key in self.index.members(group) {
            let watcher = &mut self.watchers[*key];
            debug_assert!(matches!(watcher.place, Place::Synced(_)));
            if watcher.next > revision {
                continue;
            }
            let Some(events) = variants.get(watcher.wish.filter) else { continue };
            match watcher.offer(events, revision, revision + 1) {
                Ok(()) => self.events_sent += events.len() as u64,
                Err(_) => lagging.push(*key),
            }
        }
    }
}
