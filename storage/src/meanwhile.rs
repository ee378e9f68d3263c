//! What is committed while an engine's files are copied, for the copy to catch up with.
//!
//! That is how a defragmentation goes on beside commits: copy one view, then repeat on the copy what came meanwhile, in
//! rounds that get shorter, until so little is left that commits can wait for it.
//!
//! The batches share their keys and values with whoever committed them, so that keeping them costs what the caller's
//! memory of them costs. That has a limit: when it is reached, commits wait until the copy has taken what there is.

use crate::{Batch, Op, Result};
use parking_lot::{Condvar, Mutex, MutexGuard};

/// Bytes of batches from which on commits wait.
const LIMIT_BYTES: usize = 128 << 20;
/// Bytes and changes that may be left for the moment in which nobody can commit.
const LITTLE_BYTES: usize = 256 << 10;
const LITTLE_OPS: usize = 500;
/// Rounds of catching up. More than a few means that commits come as fast as that goes, and then they have to wait for
/// one round.
const ROUNDS_MAX: usize = 20;

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

    /// Whether commits must wait.
    pub fn is_full(&self) -> bool {
        self.bytes > LIMIT_BYTES
    }

    /// Whether it is little enough to be caught up with while commits wait.
    fn is_little(&self) -> bool {
        self.bytes <= LITTLE_BYTES && self.ops <= LITTLE_OPS
    }
}

/// Repeats on a copy what was committed beside it, round by round, until that is little, and the little under the
/// writer's lock, which is answered with: nothing is missing from the copy while that is held.
///
/// `writer` is what commits take turns by, and holds what they note; `caught_up` is what they wait for when that is full.
/// `repeat` commits a batch to the copy, `flush` ends a round.
///
/// # Errors
/// Those of `repeat` and `flush`.
pub fn catch_up<'w, W: AsMut<Option<Meanwhile>>>(
    writer: &'w Mutex<W>,
    caught_up: &Condvar,
    mut repeat: impl FnMut(&Batch) -> Result<()>,
    mut flush: impl FnMut() -> Result<()>,
) -> Result<MutexGuard<'w, W>> {
    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut held = writer.lock();
        let missed = held.as_mut().replace(Meanwhile::default()).unwrap_or_default();
        let is_last = missed.is_little() || rounds == ROUNDS_MAX;
        let held = is_last.then_some(held);
        caught_up.notify_all();
        missed.batches.iter().try_for_each(&mut repeat)?;
        match held {
            Some(held) => return Ok(held),
            None => flush()?,
        }
    }
}
