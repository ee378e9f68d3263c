//! The records of the v2 tree, in table `meta` beside the member's own notes.
//!
//! There are none until somebody uses the v2 API. They are in `meta` so that the tree is in every snapshot without
//! a table of its own: etcd's server leaves alone what it does not know there.

use oxetcd_storage::{Buffer, Checkpoint, Result, Step, Table};
use oxetcd_v2::{Change, Tree};
use std::ops::ControlFlow;

const PREFIX: &[u8] = b"v2/";
/// The first key behind those that begin with the prefix.
const END: &[u8] = b"v20";

/// All records of a tree.
#[derive(Default)]
pub struct V2Records(Vec<(Vec<u8>, Vec<u8>)>);

impl V2Records {
    /// Those that `buffer` shows.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn in_buffer(buffer: &Buffer) -> Result<Self> {
        let mut records = V2Records::default();
        buffer.scan(Table::Meta, PREFIX, Some(END), &mut |key, value| records.take(key, value))?;
        Ok(records)
    }

    /// Those that `checkpoint` shows.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn in_checkpoint(checkpoint: &dyn Checkpoint) -> Result<Self> {
        let mut records = V2Records::default();
        checkpoint.scan(Table::Meta, PREFIX, &mut |key, value| records.take(key, value))?;
        Ok(records)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let Some(key) = key.strip_prefix(PREFIX) else { return ControlFlow::Break(()) };
        self.0.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    }

    /// Whether nobody has used the tree.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tree that they hold.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn open(&self) -> std::result::Result<Tree, String> {
        Tree::open(self.0.iter().map(|(key, value)| (&key[..], &value[..])))
    }

    /// Puts changes of a tree into the step of the entry that made them.
    pub fn store(step: &Step<'_>, changes: Vec<Change>) {
        for Change { key, value } in changes {
            let key = [PREFIX, &key].concat();
            match value {
                Some(value) => step.put(Table::Meta, key, value),
                None => step.delete(Table::Meta, key),
            }
        }
    }
}
