//! The tree at rest: as records of its own, and as the one JSON text in which etcd 3.5 keeps it in snapshot files.

use crate::{
    Change, Event, Stats, Tree,
    change::{self, Kind},
    history::{CAPACITY, History},
    node::{Content, Node},
    path, time,
    tree::NAMESPACES,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What belongs to the whole tree.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    pub(crate) index: u64,
    pub(crate) stats: Stats,
    pub(crate) last_time: i64,
}

/// One node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    path: String,
    created: u64,
    modified: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
    /// Nothing for a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Record {
    pub(crate) fn of(path: &str, node: &Node) -> Self {
        let value = (!node.is_dir()).then(|| node.value().to_owned());
        let Node { created, modified, expires, .. } = *node;
        Record { path: path.to_owned(), created, modified, expires, value }
    }

    pub(crate) fn into_change(self, id: u64) -> Change {
        Change { key: change::node_key(id), value: Some(crate::to_json(&self).into_bytes()) }
    }

    fn into_node(self, id: u64) -> Node {
        let content = self.value.map_or_else(|| Content::Dir(BTreeMap::new()), Content::File);
        let Record { created, modified, expires, .. } = self;
        Node { id, created, modified, expires, content }
    }
}

/// A node as Go writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoNode {
    path: String,
    created_index: u64,
    modified_index: u64,
    #[serde(with = "time::optional")]
    expire_time: Option<i64>,
    value: String,
    children: Option<BTreeMap<String, GoNode>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoQueue {
    events: Vec<Option<Event>>,
    size: usize,
    front: usize,
    back: usize,
    capacity: usize,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoHistory {
    queue: GoQueue,
    start_index: u64,
    last_index: u64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoHub {
    event_history: GoHistory,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoStore {
    root: GoNode,
    watcher_hub: GoHub,
    current_index: u64,
    stats: Stats,
    current_version: u64,
}

impl Tree {
    /// The tree that these records hold: those of all [`Change`]s so far, at least one.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn open<'a>(records: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Tree, String> {
        let (mut tree, mut nodes, mut events) = (Tree::default(), Vec::new(), Vec::new());
        for (key, value) in records {
            match change::kind(key) {
                Some(Kind::Head) => {
                    let head: Head = serde_json::from_slice(value).map_err(text)?;
                    (tree.index, tree.stats, tree.last_time) = (head.index, head.stats, head.last_time);
                }
                Some(Kind::Node(id)) => {
                    nodes.push((serde_json::from_slice::<Record>(value).map_err(text)?, id))
                }
                Some(Kind::Event) => {
                    events.push(Arc::new(event(serde_json::from_slice(value).map_err(text)?)))
                }
                None => return Err("a record of the v2 tree has an unknown key".to_owned()),
            }
        }
        // Directories before what is in them.
        nodes.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        for (record, id) in nodes {
            let at = record.path.clone();
            tree.last_id = tree.last_id.max(id);
            tree.place(&at, record.into_node(id))?;
        }
        tree.history = History::of(events);
        (tree.in_use, tree.stored) = (true, true);
        Ok(tree)
    }

    /// All records of this tree, for whoever has none of it yet.
    pub fn records(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.root.walk("/", &mut |path, node| {
            if node.id > NAMESPACES.len() as u64 {
                changes.push(Record::of(path, node).into_change(node.id));
            }
        });
        for event in self.history.events() {
            let key = change::event_key(event.index() % CAPACITY as u64);
            changes.push(Change { key, value: Some(crate::to_json(&**event).into_bytes()) });
        }
        let head = Head { index: self.index, stats: self.stats, last_time: self.last_time };
        changes.push(Change { key: change::head_key(), value: Some(crate::to_json(&head).into_bytes()) });
        changes
    }

    /// The tree as etcd 3.5 saves it. `cluster` is the JSON of what stands at `/0`, if that is to be in it:
    /// members are not this tree's affair.
    ///
    /// # Errors
    /// When `cluster` is not such JSON.
    pub fn save(&self, cluster: Option<&str>) -> Result<String, String> {
        let mut root = to_go("/", &self.root);
        if let (Some(cluster), Some(children)) = (cluster, &mut root.children) {
            children.insert(NAMESPACES[0].to_owned(), serde_json::from_str(cluster).map_err(text)?);
        }
        let (start_index, last_index) = self.history.bounds();
        let size = self.history.events().len();
        let mut events: Vec<_> = self.history.events().map(|event| Some((**event).clone())).collect();
        events.resize_with(CAPACITY, || None);
        let queue = GoQueue { events, size, front: 0, back: size % CAPACITY, capacity: CAPACITY };
        let event_history = GoHistory { queue, start_index, last_index };
        let (current_index, current_version) = (self.index, 2);
        let stats = self.stats;
        let hub = GoHub { event_history };
        Ok(crate::to_json(&GoStore { root, watcher_hub: hub, current_index, stats, current_version }))
    }

    /// The tree that etcd 3.5 saved; what stands at `/0` is left out.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn recover(json: &[u8]) -> Result<Tree, String> {
        let store: GoStore = serde_json::from_slice(json).map_err(text)?;
        let mut tree = Tree { index: store.current_index, ..Tree::default() };
        tree.stats = Stats { watchers: 0, ..store.stats };
        for (name, node) in store.root.children.into_iter().flatten() {
            if name != NAMESPACES[0] {
                tree.take(&path::join("/", &name), node)?;
            }
        }
        let queue = store.watcher_hub.event_history.queue.events;
        tree.history = History::of(queue.into_iter().flatten().map(|found| Arc::new(event(found))).collect());
        let own = format!("/{}/", NAMESPACES[0]);
        // A node of a client's has been there if there is one, or a change of one.
        tree.in_use = tree.last_id > NAMESPACES.len() as u64
            || tree.history.events().any(|event| !event.key().starts_with(&own) && event.key() != &own[..2]);
        if !tree.in_use {
            tree.history = Tree::untouched(tree.index).history;
        }
        Ok(tree)
    }

    fn take(&mut self, at: &str, node: GoNode) -> Result<(), String> {
        let is_namespace = NAMESPACES.iter().any(|name| at.strip_prefix('/') == Some(name));
        if !is_namespace {
            self.last_id += 1;
            let content = match &node.children {
                Some(_) => Content::Dir(BTreeMap::new()),
                None => Content::File(node.value),
            };
            let (created, modified) = (node.created_index, node.modified_index);
            let expires = node.expire_time;
            self.place(at, Node { id: self.last_id, created, modified, expires, content })?;
        }
        for (name, child) in node.children.into_iter().flatten() {
            self.take(&path::join(at, &name), child)?;
        }
        Ok(())
    }

    /// Puts a node where its directory already is.
    fn place(&mut self, at: &str, node: Node) -> Result<(), String> {
        let (dir, name) = path::split(at);
        self.expiring.extend(node.expires.map(|expires| (expires, at.to_owned())));
        let names = dir.split('/').filter(|name| !name.is_empty());
        let parent =
            names.into_iter().try_fold(&mut self.root, |node, name| node.children_mut()?.get_mut(name));
        let children =
            parent.and_then(Node::children_mut).ok_or_else(|| format!("{at} is in no directory"))?;
        children.insert(name.to_owned(), node);
        Ok(())
    }
}

fn to_go(at: &str, node: &Node) -> GoNode {
    let children = node.children().map(|children| {
        let to_go = |(name, node): (&String, &Node)| (name.clone(), to_go(&path::join(at, name), node));
        children.iter().map(to_go).collect()
    });
    GoNode {
        path: at.to_owned(),
        created_index: node.created,
        modified_index: node.modified,
        expire_time: node.expires,
        value: node.value().to_owned(),
        children,
    }
}

/// The index of the tree at an event is the event's own.
fn event(event: Event) -> Event {
    Event { etcd_index: event.index(), ..event }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
