//! What is committed while an engine's files are copied, for the copy to catch up with.
//!
//! That is how a defragmentation goes on beside commits: copy one view, then repeat on the copy what came meanwhile, in
//! rounds that get shorter, until so little is left that commits can wait for it.
//!
//! The batches share their keys and values with whoever committed them, so that keeping them costs what the caller's
//! memory of them costs. That has a limit: when it is reached, commits wait until the copy has taken what there is.

use crate::{Batch, Op};

/// Bytes of batches from which on commits wait.
const LIMIT_BYTES: usize = 128 << 20;
/// Bytes and changes that may be left for the moment in which nobody can commit.
const LITTLE_BYTES: usize = 256 << 10;
const LITTLE_OPS: usize = 500;

/// Batches in the order in which they were committed.
#[derive(Default)]
pub struct Meanwhile {
    batches: Vec<Batch>,
    bytes: usize,
    ops: usize,
}

impl Meanwhile {
    /// Adds a batch that was committed.
    pub fn note(&mut self, batch: &Batch) {
        let of_op = |op: &Op| op.key.len() + op.value.as_ref().map_or(0, |value| value.len());
        self.bytes += batch.ops().iter().map(of_op).sum::<usize>();
        self.ops += batch.ops().len();
        self.batches.push(batch.clone());
    }

    /// The batches.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Whether commits must wait.
    pub fn is_full(&self) -> bool {
        self.bytes > LIMIT_BYTES
    }

    /// Whether it is little enough to be caught up with while commits wait.
    pub fn is_little(&self) -> bool {
        self.bytes <= LITTLE_BYTES && self.ops <= LITTLE_OPS
    }
}
