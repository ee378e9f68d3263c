//! A file or a directory.

use crate::{NodeView, path, time};
use std::collections::BTreeMap;

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    File(String),
    Dir(BTreeMap<String, Node>),
}

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Number of its record.
    pub(crate) id: u64,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    /// When it goes, in nanoseconds since 1970.
    pub(crate) expires: Option<i64>,
    pub(crate) content: Content,
}

impl Node {
    pub(crate) fn new(id: u64, index: u64, expires: Option<i64>, content: Content) -> Self {
        Node { id, created: index, modified: index, expires, content }
    }

    pub(crate) fn dir(id: u64, index: u64) -> Self {
        Node::new(id, index, None, Content::Dir(BTreeMap::new()))
    }

    pub(crate) fn is_dir(&self) -> bool {
        matches!(self.content, Content::Dir(_))
    }

    /// A file's value; nothing for a directory.
    pub(crate) fn value(&self) -> &str {
        match &self.content {
            Content::File(value) => value,
            Content::Dir(_) => "",
        }
    }

    pub(crate) fn children(&self) -> Option<&BTreeMap<String, Node>> {
        match &self.content {
            Content::Dir(children) => Some(children),
            Content::File(_) => None,
        }
    }

    pub(crate) fn children_mut(&mut self) -> Option<&mut BTreeMap<String, Node>> {
        match &mut self.content {
            Content::Dir(children) => Some(children),
            Content::File(_) => None,
        }
    }

    /// Itself at `path` as clients see it, with its children in an answer that goes `below`, and hidden ones
    /// never.
    pub(crate) fn view(&self, path: &str, below: Below, now: i64) -> NodeView {
        let mut view = NodeView {
            key: path.to_owned(),
            dir: self.is_dir(),
            expiration: self.expires,
            ttl: self.expires.map_or(0, |expires| time::remaining(expires, now)),
            modified_index: self.modified,
            created_index: self.created,
            ..NodeView::default()
        };
        match &self.content {
            Content::File(value) => view.value = Some(value.clone()),
            Content::Dir(children) if below != Below::Nothing => {
                let next = if below == Below::All { Below::All } else { Below::Nothing };
                let shown = children.iter().filter(|(name, _)| !name.starts_with('_'));
                let children = shown.map(|(name, node)| node.view(&path::join(path, name), next, now));
                view.nodes = children.collect();
            }
            Content::Dir(_) => {}
        }
        view
    }

    /// Calls `visit` for itself at `path` and all that is below, children first.
    pub(crate) fn walk(&self, path: &str, visit: &mut dyn FnMut(&str, &Node)) {
        for (name, node) in self.children().into_iter().flatten() {
            node.walk(&path::join(path, name), visit);
        }
        visit(path, self);
    }
}

/// How much of a directory is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    Nothing,
    Children,
    All,
}
