//! The tree and what can be done to it.
//!
//! Each operation answers with an [`Event`], which is also what the history keeps and watchers get. A failure
//! changes nothing but a counter. Some of the counting is odd (a write to the root counts as a success): so it is
//! in etcd, and the counters are shown to clients.

use crate::{
    Action, Change, Code, Event, Sink, Stats, V2Error, Watch, WatchId, change,
    history::{CAPACITY, History},
    hub::Hub,
    node::{Below, Content, Node},
    path,
    saved::{Head, Record},
    stats::count,
};
use std::{collections::BTreeSet, sync::Arc};

/// Directories that exist from the start and cannot be changed: the cluster's and the clients'.
pub(crate) const NAMESPACES: [&str; 2] = ["0", "1"];
/// Moments before the year 2000 mean "never".
const FIRST_MOMENT: i64 = 946_684_800_000_000_000;

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

    /// What is to be stored since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
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
            match self.removal(&path, Action::Expire, true, true, cutoff) {
                Ok(event) => drop(self.remove(&path, event)),
                // Never: what is removed is taken from the set as well.
                Err(_) => drop(self.expiring.pop_first()),
            }
            self.stats.expire_count += 1;
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

    fn error(&self, code: Code, cause: &str) -> V2Error {
        V2Error::new(code, cause, self.index)
    }

    fn refuse_root(&self, path: &str) -> Result<(), V2Error> {
        let read_only = path == "/" || NAMESPACES.iter().any(|name| path.strip_prefix('/') == Some(name));
        if read_only { Err(self.error(Code::RootReadOnly, "/")) } else { Ok(()) }
    }

    /// The node at a clean path.
    pub(crate) fn find(&self, path: &str) -> Result<&Node, V2Error> {
        let (mut node, mut at) = (&self.root, "/".to_owned());
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let children = node.children().ok_or_else(|| self.error(Code::NotDir, &at))?;
            at = path::join(&at, name);
            node = children.get(name).ok_or_else(|| self.error(Code::KeyNotFound, &at))?;
        }
        Ok(node)
    }

    fn find_mut(&mut self, path: &str) -> Option<&mut Node> {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.into_iter().try_fold(&mut self.root, |node, name| node.children_mut()?.get_mut(name))
    }

    fn compare(&self, path: &str, condition: Condition<'_>) -> Result<(), V2Error> {
        let node = self.find(path)?;
        if node.is_dir() {
            return Err(self.error(Code::NotFile, path));
        }
        let Condition { prev_value, prev_index } = condition;
        let mut causes = Vec::new();
        if !prev_value.is_empty() && prev_value != node.value() {
            causes.push(format!("[{prev_value} != {}]", node.value()));
        }
        if prev_index != 0 && prev_index != node.modified {
            causes.push(format!("[{prev_index} != {}]", node.modified));
        }
        if causes.is_empty() { Ok(()) } else { Err(self.error(Code::TestFailed, &causes.join(" "))) }
    }

    /// Puts a new node at a clean path, and directories on the way to it.
    fn make(
        &mut self,
        path: &str,
        content: Option<&str>,
        replace: bool,
        expires: Option<i64>,
        action: Action,
        now: i64,
    ) -> Result<Event, V2Error> {
        self.refuse_root(path)?;
        let expires = expires.filter(|at| *at >= FIRST_MOMENT);
        let (dir, name) = path::split(path);
        let prev_node = match self.find(path) {
            Ok(_) if !replace => return Err(self.error(Code::NodeExist, path)),
            Ok(node) if node.is_dir() => return Err(self.error(Code::NotFile, path)),
            Ok(node) => Some(node.view(path, Below::Nothing, now)),
            Err(error) if error.code == Code::NotDir => {
                self.stats.sets_fail += 1;
                return Err(error);
            }
            Err(_) => None,
        };
        self.index += 1;
        let index = self.index;
        let content = match content {
            Some(value) => Content::File(value.to_owned()),
            None => Content::Dir(Default::default()),
        };
        self.make_dirs(dir);
        self.last_id += 1;
        let mut node = Node::new(self.last_id, index, expires, content);
        let view = node.view(path, Below::Nothing, now);
        let old = self.find(path).ok().map(|old| (old.id, old.expires));
        if let Some((id, expires)) = old {
            node.id = id;
            self.expiring.retain_not(expires, path);
        }
        self.store(path, &node);
        if let Some(children) = self.find_mut(dir).and_then(Node::children_mut) {
            children.insert(name.to_owned(), node);
        }
        self.expiring.extend(expires.map(|at| (at, path.to_owned())));
        let node = Some(view);
        Ok(Event { action, node, prev_node, etcd_index: index, refresh: false })
    }

    /// Makes the directories of a clean path that are not there.
    fn make_dirs(&mut self, path: &str) {
        let (index, mut at) = (self.index, "/".to_owned());
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let next = path::join(&at, name);
            let dir = std::mem::replace(&mut at, next);
            if self.find(&at).is_ok() {
                continue;
            }
            self.last_id += 1;
            let node = Node::dir(self.last_id, index);
            self.store(&at, &node);
            if let Some(children) = self.find_mut(&dir).and_then(Node::children_mut) {
                children.insert(name.to_owned(), node);
            }
        }
    }

    /// Gives a file that is there another value.
    fn write(
        &mut self,
        path: &str,
        action: Action,
        value: &str,
        expiry: Expiry,
        now: i64,
    ) -> Result<Event, V2Error> {
        let before = self.find(path)?;
        let (prev_node, old_expires) = (before.view(path, Below::Nothing, now), before.expires);
        self.index += 1;
        let index = self.index;
        let missing = self.error(Code::KeyNotFound, path);
        let node = self.find_mut(path).ok_or(missing)?;
        if !expiry.refresh {
            node.content = Content::File(value.to_owned());
        }
        node.modified = index;
        node.expires = expiry.at;
        let after = node.clone();
        self.expiring.retain_not(old_expires, path);
        self.expiring.extend(expiry.at.map(|at| (at, path.to_owned())));
        self.store(path, &after);
        let node = Some(after.view(path, Below::Nothing, now));
        Ok(Event { action, node, prev_node: Some(prev_node), etcd_index: index, refresh: false })
    }

    /// The event of a removal, if it is allowed.
    fn removal(
        &self,
        path: &str,
        action: Action,
        dir: bool,
        recursive: bool,
        now: i64,
    ) -> Result<Event, V2Error> {
        let node = self.find(path)?;
        if let Some(children) = node.children() {
            if !dir {
                return Err(self.error(Code::NotFile, path));
            }
            if !children.is_empty() && !recursive {
                return Err(self.error(Code::DirNotEmpty, path));
            }
        }
        let mut event = Event::new(action, path, self.index + 1, node.created);
        event.node_mut().dir = node.is_dir();
        event.prev_node = Some(node.view(path, Below::Nothing, now));
        Ok(event)
    }

    /// Removes what is at a clean path with all that is below, and tells whoever watches there.
    fn remove(&mut self, path: &str, event: Event) -> Arc<Event> {
        self.index += 1;
        let event = Arc::new(event);
        let (dir, name) = path::split(path);
        let gone = self.find_mut(dir).and_then(Node::children_mut).and_then(|children| children.remove(name));
        let Tree { expiring, hub, changes, .. } = self;
        if let Some(gone) = gone {
            gone.walk(path, &mut |path, node| {
                expiring.retain_not(node.expires, path);
                changes.push(Change { key: change::node_key(node.id), value: None });
                hub.notify_at(&event, path, true);
            });
        }
        self.record(event.clone());
        self.hub.notify(&event);
        event
    }

    fn finish(&mut self, mut event: Event, refresh: bool) -> Arc<Event> {
        event.refresh = refresh;
        let event = Arc::new(event);
        self.record(event.clone());
        if !refresh {
            self.hub.notify(&event);
        }
        event
    }

    /// Keeps a change, here and in the records.
    fn record(&mut self, event: Arc<Event>) {
        let key = change::event_key(event.index() % CAPACITY as u64);
        self.changes.push(Change { key, value: Some(crate::to_json(&*event).into_bytes()) });
        self.history.add(event);
        let head = Head { index: self.index, stats: self.stats, last_time: self.last_time };
        self.changes
            .push(Change { key: change::head_key(), value: Some(crate::to_json(&head).into_bytes()) });
    }

    fn store(&mut self, path: &str, node: &Node) {
        self.changes.push(Record::of(path, node).into_change(node.id));
    }
}

/// Taking a path from the set of those that expire.
trait RetainNot {
    fn retain_not(&mut self, expires: Option<i64>, path: &str);
}

impl RetainNot for BTreeSet<(i64, String)> {
    fn retain_not(&mut self, expires: Option<i64>, path: &str) {
        if let Some(at) = expires {
            self.remove(&(at, path.to_owned()));
        }
    }
}
