//! The v2 tree at rest: its records, in table `meta` beside the member's own notes.
//!
//! There are none until a client writes to it; until then one number is kept, the tree's index, which changes of the
//! members move as well. They are in `meta` so that the tree is in every snapshot without a table of its own: etcd's
//! server leaves alone what it does not know there.

use oxetcd_storage::{Buffer, Checkpoint, Result, Step, Table};
use oxetcd_v2::{Change, Tree};
use std::ops::ControlFlow;

const PREFIX: &[u8] = b"v2/";
/// The first key behind those that begin with the prefix.
const END: &[u8] = b"v20";
/// Key of the number of changes that the members have seen, as long as that is all.
const MEMBER_CHANGES: &[u8] = b"memberChanges";

/// All that is kept of a tree.
#[derive(Default)]
pub struct V2Records {
    records: Vec<(Vec<u8>, Vec<u8>)>,
    member_changes: u64,
}

impl V2Records {
    /// What `buffer` shows.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn in_buffer(buffer: &Buffer) -> Result<Self> {
        let mut found = V2Records::default();
        if let Some(value) = buffer.get(Table::Meta, MEMBER_CHANGES)? {
            found.take(MEMBER_CHANGES, &value);
        }
        buffer.scan(Table::Meta, PREFIX, Some(END), &mut |key, value| {
            found.take(key, value);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// What `checkpoint` shows.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn in_checkpoint(checkpoint: &dyn Checkpoint) -> Result<Self> {
        let mut found = V2Records::default();
        checkpoint.scan(Table::Meta, MEMBER_CHANGES, &mut |key, value| {
            found.take(key, value);
            if key < END { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        if key == MEMBER_CHANGES {
            self.member_changes = value.try_into().map_or(0, u64::from_be_bytes);
        } else if let Some(key) = key.strip_prefix(PREFIX) {
            self.records.push((key.to_vec(), value.to_vec()));
        }
    }

    /// The tree that they hold.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn open(&self) -> std::result::Result<Tree, String> {
        if self.records.is_empty() {
            return Ok(Tree::untouched(self.member_changes));
        }
        Tree::open(self.records.iter().map(|(key, value)| (&key[..], &value[..])))
    }

    /// Puts a tree that was taken from elsewhere in the place of what `buffer` holds.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn replace(buffer: &Buffer, tree: &mut Tree) -> Result<()> {
        let old = V2Records::in_buffer(buffer)?;
        let step = buffer.begin();
        for (key, _) in old.records {
            step.delete(Table::Meta, [PREFIX, &key].concat());
        }
        V2Records::store(&step, tree);
        Ok(())
    }

    /// Puts what has changed in a tree into the step of the entry that changed it.
    pub(crate) fn store(step: &Step<'_>, tree: &mut Tree) {
        if !tree.is_in_use() {
            step.put(Table::Meta, MEMBER_CHANGES.to_vec(), tree.index().to_be_bytes().to_vec());
        }
        for Change { key, value } in tree.take_changes() {
            let key = [PREFIX, &key].concat();
            match value {
                Some(value) => step.put(Table::Meta, key, value),
                None => step.delete(Table::Meta, key),
            }
        }
    }
}
