//! A batch: changes that reach the engine together or not at all.

use crate::Table;
use bytes::Bytes;

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Table that changes.
    pub table: Table,
    /// Key that changes; never empty.
    pub key: Bytes,
    /// Its new value; `None` deletes it. Deleting what is not there is no error.
    pub value: Option<Bytes>,
}

/// Changes in order; of two changes of one key the later wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, table: Table, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op { table, key: key.into(), value: Some(value.into()) });
        self
    }

    /// Deletes `key`.
    pub fn delete(&mut self, table: Table, key: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op { table, key: key.into(), value: None });
        self
    }

    /// The changes in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

impl FromIterator<Op> for Batch {
    fn from_iter<I: IntoIterator<Item = Op>>(ops: I) -> Self {
        Batch { ops: ops.into_iter().collect() }
    }
}
