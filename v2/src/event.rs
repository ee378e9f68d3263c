//! One change of the tree, or an answer that looks like one.

use crate::NodeView;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // They are the words of the API.
pub enum Action {
    #[default]
    Get,
    Create,
    Set,
    Update,
    Delete,
    CompareAndSwap,
    CompareAndDelete,
    Expire,
}

/// One change of the tree, or the answer to a read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// The node after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeView>,
    /// The node before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_node: Option<NodeView>,
    /// Whether only the time to live changed, of which watchers are not told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Index of the tree at that moment.
    #[serde(skip)]
    pub etcd_index: u64,
}

impl Event {
    pub(crate) fn new(action: Action, key: &str, modified_index: u64, created_index: u64) -> Self {
        let node = NodeView { key: key.to_owned(), modified_index, created_index, ..NodeView::default() };
        Event { action, node: Some(node), etcd_index: modified_index, ..Event::default() }
    }

    /// Whether it made something new.
    pub fn is_created(&self) -> bool {
        self.action == Action::Create || self.action == Action::Set && self.prev_node.is_none()
    }

    /// Its own index.
    pub fn index(&self) -> u64 {
        self.node.as_ref().map_or(0, |node| node.modified_index)
    }

    pub(crate) fn key(&self) -> &str {
        self.node.as_ref().map_or("", |node| &node.key)
    }

    pub(crate) fn node_mut(&mut self) -> &mut NodeView {
        self.node.get_or_insert_default()
    }

    /// Whether it took a whole directory away.
    pub(crate) fn removed_dir(&self) -> Option<&str> {
        let gone = matches!(self.action, Action::Delete | Action::Expire);
        self.prev_node.as_ref().filter(|node| gone && node.dir).map(|node| &*node.key)
    }

    /// A copy for clients, who do not see the prefix under which their keys are.
    pub fn without_prefix(&self, prefix: &str) -> Event {
        // A refresh is nobody's business outside, and etcd forgets the mark here.
        let mut event = Event { refresh: false, ..self.clone() };
        for node in [&mut event.node, &mut event.prev_node].into_iter().flatten() {
            node.strip(prefix);
        }
        event
    }
}
