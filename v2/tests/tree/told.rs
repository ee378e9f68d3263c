//! What the tree and its model both say, in words that belong to neither.

use oxetcd_v2::{Action, Event, NodeView, V2Error};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: u32,
    pub(crate) cause: String,
    pub(crate) index: u64,
}

/// A node as clients see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) dir: bool,
    pub(crate) expires: Option<i64>,
    pub(crate) ttl: i64,
    pub(crate) modified: u64,
    pub(crate) created: u64,
    pub(crate) nodes: Vec<Shown>,
}

/// An answer, or a change that a watcher is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) action: &'static str,
    pub(crate) node: Shown,
    pub(crate) prev: Option<Shown>,
    pub(crate) quiet: bool,
}

impl From<V2Error> for Refused {
    fn from(error: V2Error) -> Self {
        Refused { code: error.code as u32, cause: error.cause, index: error.index }
    }
}

impl From<&NodeView> for Shown {
    fn from(view: &NodeView) -> Self {
        let NodeView { key, value, dir, expiration, ttl, nodes, modified_index, created_index } =
            view.clone();
        let (modified, created) = (modified_index, created_index);
        let nodes = nodes.iter().map(Shown::from).collect();
        Shown { key, value, dir, expires: expiration, ttl, modified, created, nodes }
    }
}

impl From<&Event> for Told {
    fn from(event: &Event) -> Self {
        let action = match event.action {
            Action::Get => "get",
            Action::Create => "create",
            Action::Set => "set",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::CompareAndSwap => "compareAndSwap",
            Action::CompareAndDelete => "compareAndDelete",
            Action::Expire => "expire",
        };
        let node = event.node.as_ref().map(Shown::from).unwrap_or_default();
        Told { action, node, prev: event.prev_node.as_ref().map(Shown::from), quiet: event.refresh }
    }
}
