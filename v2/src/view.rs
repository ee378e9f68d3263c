//! A node as clients see it.

use crate::time;
use serde::{Deserialize, Serialize};

/// A node as clients see it, in the JSON of answers and events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeView {
    /// Its path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// A file's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it is a directory.
    #[serde(skip_serializing_if = "is_default")]
    pub dir: bool,
    /// When it goes, in nanoseconds since 1970.
    #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<i64>,
    /// Seconds until then.
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: i64,
    /// What is in the directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeView>,
    /// Index of the last change.
    #[serde(skip_serializing_if = "is_default")]
    pub modified_index: u64,
    /// Index of its creation.
    #[serde(skip_serializing_if = "is_default")]
    pub created_index: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl NodeView {
    /// Takes a prefix away from its key and those below.
    pub(crate) fn strip(&mut self, prefix: &str) {
        if let Some(rest) = self.key.strip_prefix(prefix) {
            self.key = rest.to_owned();
        }
        self.nodes.iter_mut().for_each(|node| node.strip(prefix));
    }
}
