//! What has to be stored so that the tree is the same after a restart.
//!
//! Nodes are stored one by one under numbers: a path may be longer than an engine's keys.

/// A record to be written or removed. What the bytes mean is the tree's own affair; see [`crate::Tree::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record's key.
    pub key: Vec<u8>,
    /// Its value; `None` to remove it.
    pub value: Option<Vec<u8>>,
}

const HEAD: u8 = b'h';
const NODE: u8 = b'n';
const EVENT: u8 = b'e';

/// What a record holds, by its key.
pub(crate) enum Kind {
    Head,
    Node(u64),
    Event,
}

pub(crate) fn head_key() -> Vec<u8> {
    vec![HEAD]
}

pub(crate) fn node_key(id: u64) -> Vec<u8> {
    numbered(NODE, id)
}

pub(crate) fn event_key(slot: u64) -> Vec<u8> {
    numbered(EVENT, slot)
}

fn numbered(kind: u8, number: u64) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(crate) fn kind(key: &[u8]) -> Option<Kind> {
    match key.split_first()? {
        (&HEAD, []) => Some(Kind::Head),
        (&NODE, id) => Some(Kind::Node(u64::from_be_bytes(id.try_into().ok()?))),
        (&EVENT, slot) if slot.len() == 8 => Some(Kind::Event),
        _ => None,
    }
}
