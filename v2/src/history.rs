//! The last thousand changes.
//!
//! Every index has exactly one change, so a change's place follows from its index.

use crate::{Code, Event, V2Error};
use std::{collections::VecDeque, sync::Arc};

/// How many changes are kept.
pub const CAPACITY: usize = 1000;

/// The last changes, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    events: VecDeque<Arc<Event>>,
}

impl History {
    /// Those that were kept before, in any order.
    pub(crate) fn of(mut events: Vec<Arc<Event>>) -> Self {
        events.sort_by_key(|event| event.index());
        let mut history = History::default();
        for event in events {
            history.add(event);
        }
        history
    }

    pub(crate) fn add(&mut self, event: Arc<Event>) {
        if self.events.len() == CAPACITY {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(crate) fn events(&self) -> impl ExactSizeIterator<Item = &Arc<Event>> {
        self.events.iter()
    }

    /// Indexes of the oldest and the newest; 0, 0 while there is none.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let index = |event: Option<&Arc<Event>>| event.map_or(0, |event| event.index());
        (index(self.events.front()), index(self.events.back()))
    }

    /// The first change at or after `index` that a watcher of `key` waits for.
    pub(crate) fn scan(&self, key: &str, recursive: bool, index: u64) -> Result<Option<Arc<Event>>, V2Error> {
        let (start, last) = self.bounds();
        if index < start {
            let cause = format!("the requested history has been cleared [{start}/{index}]");
            return Err(V2Error::request(Code::EventIndexCleared, cause));
        }
        if index > last {
            return Ok(None);
        }
        let below = if key == "/" { key.to_owned() } else { format!("{key}/") };
        let skip = usize::try_from(index - start).unwrap_or(usize::MAX);
        let found = self.events.iter().skip(skip).filter(|event| !event.refresh).find(|event| {
            event.key() == key
                || recursive && event.key().starts_with(&below)
                || event.removed_dir().is_some_and(|dir| key.starts_with(dir))
        });
        Ok(found.cloned())
    }
}
