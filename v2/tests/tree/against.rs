//! The tree and its model, driven by the same history: what one answers, the other has to answer.

use crate::{
    kept::Kept,
    model::{Model, cleaned},
    random::{Draft, Expires, Part, Step},
    told::{Refused, Told},
};
use oxetcd_api::etcdserverpb::Request;
use oxetcd_v2::{Elsewhere, Event, Tree, WatchId};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Checked = Result<(), TestCaseError>;

const MS: i64 = 1_000_000;
/// Not a whole second, as moments are.
const BEGINNING: i64 = 1_700_000_000_123_456_789;
/// Changes of the members before the first client comes.
const MEMBERS: u64 = 3;

/// Both of them.
pub(crate) struct Both {
    tree: Tree,
    model: Model,
    now: i64,
    watchers: Vec<(Option<WatchId>, Kept)>,
    /// What the tree has stored.
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The model's clock and counters at the last change: what came after does not outlive a restart.
    stored: (i64, BTreeMap<String, u64>),
    is_used: bool,
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

impl Both {
    pub(crate) fn new() -> Self {
        let (tree, model) = (Tree::untouched(MEMBERS), Model::new(MEMBERS));
        let stored = Default::default();
        let (watchers, records) = Default::default();
        Both { tree, model, now: BEGINNING, watchers, records, stored, is_used: false }
    }

    /// Lets one step happen to both.
    pub(crate) fn go(&mut self, step: &Step) -> Checked {
        match step {
            Step::Request(draft) => {
                let request = self.request(draft);
                self.apply(&request)?;
            }
            Step::Get { path, recursive } => self.get(path, *recursive)?,
            Step::Watch { path, recursive, stream, back } => {
                let since = back.map_or(0, |back| (self.model.index + 2).saturating_sub(back));
                self.watch(path, *recursive, *stream, since)?;
            }
            Step::Unwatch(which) if !self.watchers.is_empty() => {
                let which = which.index(self.watchers.len());
                self.watchers[which].0.into_iter().for_each(|id| self.tree.unwatch(id));
                self.model.waiting.waiters[which].is_waiting = false;
            }
            Step::Unwatch(_) => {}
            Step::Elsewhere(change) => {
                self.tree.count_elsewhere(*change);
                self.model.count_elsewhere(match change {
                    Elsewhere::Made => "createSuccess",
                    Elsewhere::Set => "setsSuccess",
                    Elsewhere::Updated => "updateSuccess",
                    Elsewhere::Removed => "deleteSuccess",
                });
                self.stored = (self.model.clock, self.model.counts.clone());
            }
            Step::Burst(changes) => {
                for at in 0..*changes {
                    let path = Some(format!("/1/{}/k", ["a", "b"][at as usize % 2]));
                    self.apply(&Request { method: Some("PUT".into()), path, ..Request::default() })?;
                }
            }
            Step::Restart => self.restart().map_err(failed)?,
            Step::Move => self.take_elsewhere().map_err(failed)?,
        }
        self.store();
        self.compare_numbers()
    }

    /// Everything that can be seen of them, at the end of a history.
    pub(crate) fn compare_all(&mut self) -> Checked {
        let paths: Vec<_> = self.model.entries.keys().cloned().collect();
        for path in paths {
            self.get(&path, false)?;
        }
        self.get("/", true)?;
        self.get("/1", true)?;
        for ((_, kept), waiter) in self.watchers.iter().zip(&self.model.waiting.waiters) {
            let heard: Vec<_> = kept.events().iter().map(|event| Told::from(&**event)).collect();
            prop_assert_eq!(&heard, &waiter.heard, "watch of {} since {}", &waiter.path, waiter.since);
        }
        Ok(())
    }

    fn request(&mut self, draft: &Draft) -> Request {
        self.now += draft.later_ms * MS;
        let entry = self.model.entries.get(&cleaned(&draft.path));
        let is = entry.and_then(|entry| entry.value.clone()).unwrap_or_default();
        let prev_value = match draft.prev_value {
            Part::Any => String::new(),
            Part::Right => is,
            Part::Wrong => is + "z",
        };
        let modified = entry.map_or(1, |entry| entry.modified);
        let prev_index = match draft.prev_index {
            Part::Any => 0,
            Part::Right => modified,
            Part::Wrong => modified + 1,
        };
        let expiration = draft.expires.map_or(0, |expires| match expires {
            Expires::In { ms } => self.now + ms * MS,
            Expires::Ancient => 1,
        });
        Request {
            method: Some(draft.method.into()),
            path: Some(draft.path.clone()),
            val: Some(draft.value.into()),
            dir: Some(draft.dir),
            prev_value: Some(prev_value),
            prev_index: Some(prev_index),
            prev_exist: draft.prev_exist,
            expiration: Some(expiration),
            recursive: Some(draft.recursive),
            refresh: draft.refresh.then_some(true),
            time: Some(self.now),
            ..Request::default()
        }
    }

    fn apply(&mut self, request: &Request) -> Checked {
        let before = self.model.index;
        let (tree, model) = (self.tree.apply(request), self.model.apply(request));
        if self.model.index != before {
            self.stored = (self.model.clock, self.model.counts.clone());
        }
        self.is_used |= matches!(&model, Ok(Some(told)) if told.action != "get");
        if let Ok(Some(event)) = &tree {
            self.compare_headers(event)?;
        }
        let told = tree.map(|event| event.map(|event| Told::from(&*event))).map_err(Refused::from);
        prop_assert_eq!(told, model, "{:?}", request);
        Ok(())
    }

    /// What the HTTP API makes of an event besides its body.
    fn compare_headers(&self, event: &Event) -> Checked {
        prop_assert_eq!(event.etcd_index, self.model.index);
        let is_new = event.action == oxetcd_v2::Action::Create
            || event.action == oxetcd_v2::Action::Set && event.prev_node.is_none();
        prop_assert_eq!(event.is_created(), is_new);
        Ok(())
    }

    fn get(&mut self, path: &str, recursive: bool) -> Checked {
        let tree = self.tree.get(path, recursive, self.model.clock);
        if let Ok(event) = &tree {
            self.compare_headers(event)?;
        }
        let told = tree.map(|event| Told::from(&event)).map_err(Refused::from);
        prop_assert_eq!(told, self.model.get(path, recursive), "{}", path);
        Ok(())
    }

    fn watch(&mut self, path: &str, recursive: bool, stream: bool, since: u64) -> Checked {
        let kept = Kept::new(usize::MAX);
        let watch = self.tree.watch(path, recursive, stream, since, Box::new(kept.clone()));
        let expected = self.model.waiting.watch(&cleaned(path), recursive, stream, since);
        prop_assert_eq!(watch.clone().map(drop).map_err(Refused::from), expected, "{} since {}", path, since);
        if let Ok(watch) = watch {
            prop_assert_eq!(watch.start_index, self.model.index);
            self.watchers.push((watch.id, kept));
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), String> {
        self.tree = if self.is_used {
            Tree::open(self.records.iter().map(|(key, value)| (&key[..], &value[..])))?
        } else {
            Tree::untouched(self.model.index)
        };
        for ((id, _), waiter) in self.watchers.iter_mut().zip(&mut self.model.waiting.waiters) {
            (*id, waiter.is_waiting) = (None, false);
        }
        (self.model.clock, self.model.counts) =
            if self.is_used { self.stored.clone() } else { Default::default() };
        Ok(())
    }

    /// Another tree takes this one's place, made of etcd's JSON; who waits goes on waiting.
    fn take_elsewhere(&mut self) -> Result<(), String> {
        let mut moved = Tree::recover(self.tree.save(None)?.as_bytes())?;
        moved.adopt_watchers(&mut self.tree);
        self.tree = moved;
        self.records.clear();
        self.store();
        // Go has no such clock: it reads its own.
        self.model.clock = 0;
        self.stored = (0, self.model.counts.clone());
        Ok(())
    }

    fn store(&mut self) {
        for change in self.tree.take_changes() {
            match change.value {
                Some(value) => drop(self.records.insert(change.key, value)),
                None => drop(self.records.remove(&change.key)),
            }
        }
    }

    fn compare_numbers(&self) -> Checked {
        let Both { tree, model, .. } = self;
        prop_assert_eq!(tree.index(), model.index);
        prop_assert_eq!(tree.is_in_use(), self.is_used);
        prop_assert_eq!(self.records.is_empty(), !self.is_used, "nothing is stored before the first write");
        let ttls = model.entries.values().any(|entry| entry.expires.is_some());
        prop_assert_eq!(tree.has_ttl_keys(), ttls);
        let stats = serde_json::to_value(tree.stats()).map_err(failed)?;
        let mut counts: BTreeMap<String, u64> = serde_json::from_value(stats).map_err(failed)?;
        let waiting = model.waiting.waiters.iter().filter(|waiter| waiter.is_waiting).count();
        prop_assert_eq!(counts.remove("watchers"), Some(waiting as u64));
        counts.retain(|_, count| *count != 0);
        prop_assert_eq!(&counts, &model.counts);
        Ok(())
    }
}
