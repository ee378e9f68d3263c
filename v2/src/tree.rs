//! The tree and what can be done to it.
//!
//! Each operation answers with an [`Event`], which is also what the history keeps and watchers get. A failure
//! changes nothing but a counter. Some of the counting is odd (a write to the root counts as a success): so it is
//! in etcd, and the counters are shown to clients.

use crate::{
    Action, Change, Code, Event, Sink, Stats, V2Error, Watch, WatchId,
    history::History,
    hub::Hub,
    node::{Below, Content, Node},
    path,
    stats::count,
};
use std::{collections::BTreeSet, sync::Arc};

/// Directories that exist from the start and cannot be changed: the cluster's and the clients'.
pub(crate) const NAMESPACES: [&str; 2] = ["0", "1"];

/// When a node goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// The moment, in nanoseconds since 1970; `None` for never.
    pub at: Option<i64>,
    /// Whether nothing but this is to change, and no watcher is to be told.
    pub refresh: bool,
}

/// What must hold of a file for a conditional change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition<'a> {
    /// Its value; empty for any.
    pub prev_value: &'a str,
    /// Index of its last change; 0 for any.
    pub prev_index: u64,
}

/// The tree.
pub struct Tree {
    pub(crate) root: Node,
    pub(crate) index: u64,
    pub(crate) stats: Stats,
    pub(crate) history: History,
    pub(crate) hub: Hub,
    /// What expires, soonest first.
    pub(crate) expiring: BTreeSet<(i64, String)>,
    pub(crate) last_id: u64,
    pub(crate) last_time: i64,
    pub(crate) changes: Vec<Change>,
    /// Whether a client has ever written to it, so that there are records.
    pub(crate) in_use: bool,
    /// Whether all of it has been stored once.
    pub(crate) stored: bool,
}

type Done = Result<Arc<Event>, V2Error>;

impl Default for Tree {
    fn default() -> Self {
        let mut root = Node::dir(0, 0);
        let spaces = NAMESPACES.into_iter().zip(1..).map(|(name, id)| (name.to_owned(), Node::dir(id, 0)));
        root.content = Content::Dir(spaces.collect());
        Tree {
            root,
            index: 0,
            stats: Stats::default(),
            history: History::default(),
            hub: Hub::default(),
            expiring: BTreeSet::new(),
            last_id: NAMESPACES.len() as u64,
            last_time: 0,
            changes: Vec::new(),
            in_use: false,
            stored: false,
        }
    }
}

impl Tree {
    /// Index of the last change.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Whether anything may expire.
    pub fn has_ttl_keys(&self) -> bool {
        !self.expiring.is_empty()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        Stats { watchers: self.hub.len() as u64, ..self.stats }
    }

    /// What is to be stored since the last call; nothing before the first write of a client, and all that there is
    /// with that.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let changes = std::mem::take(&mut self.changes);
        match (self.in_use, self.stored) {
            (true, true) => changes,
            (true, false) => {
                self.stored = true;
                self.records()
            }
            (false, _) => Vec::new(),
        }
    }

    /// Reads what is at `path`, as it is `now`.
    ///
    /// # Errors
    /// When there is nothing.
    pub fn get(&mut self, path: &str, recursive: bool, now: i64) -> Result<Event, V2Error> {
        let path = path::clean(path);
        let found = self.find(&path);
        let event = found.map(|node| {
            let mut event = Event::new(Action::Get, &path, 0, 0);
            let below = if recursive { Below::All } else { Below::Children };
            event.node = Some(node.view(&path, below, now));
            event.etcd_index = self.index;
            event
        });
        count(event.is_ok(), &mut self.stats.gets_success, &mut self.stats.gets_fail);
        event
    }

    /// Makes a file or directory where there is none; with `unique`, one below `path` that is named by its index.
    ///
    /// # Errors
    /// When there is one, or a file is in the way.
    pub fn create(
        &mut self,
        path: &str,
        content: Option<&str>,
        unique: bool,
        expiry: Expiry,
        now: i64,
    ) -> Done {
        let path = if unique { format!("{path}/{:020}", self.index + 1) } else { path.to_owned() };
        let made = self.make(&path::clean(&path), content, false, expiry.at, Action::Create, now);
        count(made.is_ok(), &mut self.stats.create_success, &mut self.stats.create_fail);
        made.map(|event| self.finish(event, false))
    }

    /// Makes a file, also in the place of another, or a directory where there is nothing.
    ///
    /// # Errors
    /// When a directory is there, or a file in the way.
    pub fn set(&mut self, path: &str, content: Option<&str>, expiry: Expiry, now: i64) -> Done {
        let path = path::clean(path);
        let made = self.set_inner(&path, content, expiry, now);
        count(made.is_ok(), &mut self.stats.sets_success, &mut self.stats.sets_fail);
        made.map(|event| self.finish(event, expiry.refresh))
    }

    fn set_inner(
        &mut self,
        path: &str,
        content: Option<&str>,
        expiry: Expiry,
        now: i64,
    ) -> Result<Event, V2Error> {
        let before = match self.find(path) {
            Ok(node) => Some(node.value().to_owned()),
            Err(error) if error.code == Code::KeyNotFound && !expiry.refresh => None,
            Err(error) => return Err(error),
        };
        let kept = before.filter(|_| expiry.refresh);
        let content = content.map(|value| kept.as_deref().unwrap_or(value));
        self.make(path, content, true, expiry.at, Action::Set, now)
    }

    /// Changes the value of a file, if `condition` holds.
    ///
    /// # Errors
    /// When it does not, or there is no file.
    pub fn compare_and_swap(
        &mut self,
        path: &str,
        condition: Condition<'_>,
        value: &str,
        expiry: Expiry,
        now: i64,
    ) -> Done {
        let path = path::clean(path);
        if let Err(error) = self.refuse_root(&path) {
            self.stats.compare_and_swap_success += 1;
            return Err(error);
        }
        let compared = self.compare(&path, condition);
        count(
            compared.is_ok(),
            &mut self.stats.compare_and_swap_success,
            &mut self.stats.compare_and_swap_fail,
        );
        compared?;
        let event = self.write(&path, Action::CompareAndSwap, value, expiry, now)?;
        Ok(self.finish(event, expiry.refresh))
    }

    /// Changes a file's value and when it goes.
    ///
    /// # Errors
    /// When there is none.
    pub fn update(&mut self, path: &str, value: &str, expiry: Expiry, now: i64) -> Done {
        let path = path::clean(path);
        let allowed = self.refuse_root(&path);
        let found = allowed.and_then(|()| self.find(&path).map(Node::is_dir));
        let missing = matches!(&found, Err(error) if error.code != Code::RootReadOnly);
        count(!missing, &mut self.stats.update_success, &mut self.stats.update_fail);
        if found? {
            return Err(match value {
                // Its words are those of an error within an error.
                "" => V2Error::request(Code::RaftInternal, format!("nodePath {path} : Not a file ()")),
                _ => V2Error::new(Code::NotFile, path, self.index),
            });
        }
        let event = self.write(&path, Action::Update, value, expiry, now)?;
        Ok(self.finish(event, expiry.refresh))
    }

    /// Removes a file, with `dir` also an empty directory, and with `recursive` also all that is in it.
    ///
    /// # Errors
    /// When it is more than that, or nothing.
    pub fn delete(&mut self, path: &str, dir: bool, recursive: bool, now: i64) -> Done {
        let path = path::clean(path);
        if let Err(error) = self.refuse_root(&path) {
            self.stats.delete_success += 1;
            return Err(error);
        }
        let prepared = self.removal(&path, Action::Delete, dir || recursive, recursive, now);
        count(prepared.is_ok(), &mut self.stats.delete_success, &mut self.stats.delete_fail);
        let event = prepared?;
        Ok(self.remove(&path, event))
    }

    /// Removes a file, if `condition` holds.
    ///
    /// # Errors
    /// When it does not, or there is no file.
    pub fn compare_and_delete(&mut self, path: &str, condition: Condition<'_>, now: i64) -> Done {
        let path = path::clean(path);
        let missing = self.find(&path).is_err();
        count(!missing, &mut self.stats.compare_and_delete_success, &mut self.stats.compare_and_delete_fail);
        self.compare(&path, condition)?;
        let event = self.removal(&path, Action::CompareAndDelete, false, false, now)?;
        Ok(self.remove(&path, event))
    }

    /// Removes all that has expired at `cutoff`, the soonest first.
    pub fn expire(&mut self, cutoff: i64) {
        while let Some((at, path)) = self.expiring.first().cloned() {
            if at > cutoff {
                return;
            }
            // Before it is done: the counters are stored with the change.
            self.stats.expire_count += 1;
            match self.removal(&path, Action::Expire, true, true, cutoff) {
                Ok(event) => drop(self.remove(&path, event)),
                // Never: what is removed is taken from the set as well.
                Err(_) => drop(self.expiring.pop_first()),
            }
        }
    }

    /// Has `sink` told of the first change of `path` at or after `since` (0: from now on), and with `stream` of all
    /// that follow. With `recursive`, of those below it too.
    ///
    /// # Errors
    /// When that is too long ago.
    pub fn watch(
        &mut self,
        path: &str,
        recursive: bool,
        stream: bool,
        since: u64,
        sink: Box<dyn Sink>,
    ) -> Result<Watch, V2Error> {
        let (path, start_index) = (path::clean(path), self.index);
        let since = if since == 0 { start_index + 1 } else { since };
        let found = self.history.scan(&path, recursive, since);
        let found = found.map_err(|error| V2Error { index: start_index, ..error })?;
        if let Some(event) = found {
            sink.send(event);
            return Ok(Watch { id: None, start_index });
        }
        let id = self.hub.add(path, recursive, stream, since, sink);
        Ok(Watch { id: Some(id), start_index })
    }

    /// Ends a watch, if it has not ended.
    pub fn unwatch(&mut self, id: WatchId) {
        self.hub.remove(id);
    }

    /// Takes over who waits in a tree that this one replaces.
    pub fn adopt_watchers(&mut self, of: &mut Tree) {
        self.hub = std::mem::take(&mut of.hub);
    }
}
