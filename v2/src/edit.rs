//! The small steps of which the tree's operations are made: finding, making, writing, removing nodes.

use crate::{
    Action, Change, Code, Condition, Event, Expiry, Tree, V2Error, change,
    history::CAPACITY,
    node::{Below, Content, Node},
    path,
    saved::{Head, Record},
    tree::NAMESPACES,
};
use std::{collections::BTreeSet, sync::Arc};

/// Moments before the year 2000 mean "never".
const FIRST_MOMENT: i64 = 946_684_800_000_000_000;

impl Tree {
    fn error(&self, code: Code, cause: &str) -> V2Error {
        V2Error::new(code, cause, self.index)
    }

    pub(crate) fn refuse_root(&self, path: &str) -> Result<(), V2Error> {
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

    pub(crate) fn compare(&self, path: &str, condition: Condition<'_>) -> Result<(), V2Error> {
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
    pub(crate) fn make(
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
        self.in_use = true;
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
    pub(crate) fn write(
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
    pub(crate) fn removal(
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
    pub(crate) fn remove(&mut self, path: &str, event: Event) -> Arc<Event> {
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

    pub(crate) fn finish(&mut self, mut event: Event, refresh: bool) -> Arc<Event> {
        event.refresh = refresh;
        let event = Arc::new(event);
        self.record(event.clone());
        if !refresh {
            self.hub.notify(&event);
        }
        event
    }

    /// Keeps a change, here and in the records.
    pub(crate) fn record(&mut self, event: Arc<Event>) {
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
