//! Committed changes, in the form in which they travel from the store to watchers.
//!
//! A change is encoded once, when it is applied: [`Event::kv`] holds the protobuf bytes of the
//! [`KeyValue`](crate::mvccpb::KeyValue), and every watcher's answer embeds these very bytes.

use crate::{Revision, mvccpb::KeyValue};
use bytes::Bytes;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was created or changed.
    Put,
    /// It was deleted.
    Delete,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The key that changed.
    pub key: Bytes,
    /// When it changed; `revision.main` is the `mod_revision` that clients see.
    pub revision: Revision,
    /// Whether a put created the key: it then has no previous value.
    pub created: bool,
    /// Encoded [`KeyValue`]: the whole record of a put; key and `mod_revision` only of a deletion.
    pub kv: Bytes,
}

impl Event {
    /// Decodes [`Event::kv`].
    ///
    /// # Errors
    /// When the bytes are no `KeyValue`, which means that whoever made the event broke its contract.
    pub fn key_value(&self) -> Result<KeyValue, prost::DecodeError> {
        prost::Message::decode(self.kv.clone())
    }
}

/// All changes of one transaction, in order of their `sub` number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// `main` of every event inside.
    pub revision: i64,
    /// The changes; never empty.
    pub events: Vec<Event>,
}
