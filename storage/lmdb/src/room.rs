//! Room on the device, asked for before it is needed.
//!
//! When a device fills up while LMDB writes, the batch fails half way: harmless, since its pages are not
//! linked yet, but the error is vague. And a full device refuses even deletions, which need a few new pages
//! before they free any. So room is taken ahead, and a little more than is needed:
//!
//! ```text
//!   used pages | room for this batch | spare
//! ```
//!
//! A bulk of writes must leave the whole spare, a small one half of it, and what deletes may use it up: a
//! full engine can always be emptied. The engine's own limit of bytes works the same way.

use crate::{env::Env, error::from_io, os};
use oxetcd_storage::{Batch, Error, Result};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
};

/// Room held back from bulk writes is a part of the file, between these two.
const SPARE_MIN_BYTES: u64 = 1 << 20;
const SPARE_MAX_BYTES: u64 = 64 << 20;
/// A batch that writes less is a small one.
const SMALL_BYTES: u64 = 64 << 10;
/// Room is taken in steps between these two.
const STEP_MIN_BYTES: u64 = 1 << 20;
const STEP_MAX_BYTES: u64 = 16 << 20;

/// Room held back in a file of `total_bytes`.
pub(crate) fn spare_bytes(total_bytes: u64) -> u64 {
    (total_bytes / 64).clamp(SPARE_MIN_BYTES, SPARE_MAX_BYTES)
}

/// What a batch asks for.
#[derive(Clone, Copy)]
pub(crate) struct Demand {
    /// Bytes of pages for what it writes, about.
    pub(crate) bytes: u64,
    deletes: bool,
}

impl Demand {
    /// The demand of `batch`.
    pub(crate) fn of(batch: &Batch, page_bytes: u64) -> Self {
        let mut demand = Demand { bytes: 0, deletes: false };
        for op in batch.ops() {
            let Some(value) = &op.value else {
                demand.deletes = true;
                continue;
            };
            let bytes = (op.key.len() + value.len() + 16) as u64;
            // Large values have pages of their own.
            demand.bytes += if bytes > page_bytes / 2 { bytes.next_multiple_of(page_bytes) } else { bytes };
        }
        // Pages are not packed to the brim, and have parents.
        demand.bytes += demand.bytes / 8 + 16 * page_bytes;
        demand
    }

    /// What must be left of the spare room behind this batch.
    fn leaves(self, spare_bytes: u64) -> u64 {
        match self {
            Demand { bytes, .. } if bytes > SMALL_BYTES => spare_bytes,
            Demand { deletes: true, .. } => 0,
            Demand { .. } => spare_bytes / 2,
        }
    }
}

/// Room of one data file.
pub(crate) struct Room {
    file: File,
    reserved_bytes: u64,
}

impl Room {
    /// Room of the file of `env`.
    pub(crate) fn new(env: &Env) -> Result<Self> {
        let open = || {
            let file = OpenOptions::new().write(true).open(env.path())?;
            let reserved_bytes = file.metadata()?.len();
            Ok(Room { file, reserved_bytes })
        };
        open().map_err(|error| from_io(&error, env.path()))
    }

    /// Makes sure that there is room for a batch.
    ///
    /// # Errors
    /// [`Error::Full`] when there is not.
    pub(crate) fn take(&mut self, env: &Env, demand: Demand, max_bytes: Option<u64>) -> Result<()> {
        let total = env.usage()?.total_bytes;
        let spare = spare_bytes(max_bytes.unwrap_or(total));
        let leaves = demand.leaves(spare);
        let end = total + demand.bytes + leaves;
        // Pages that are free already need no new room.
        let fits_inside = || env.free_bytes().map(|free| demand.bytes + leaves <= free);
        if max_bytes.is_some_and(|max| end > max.saturating_add(spare)) && !fits_inside()? {
            let limit = max_bytes.unwrap_or_default();
            return Err(Error::Full(format!(
                "{}: the limit of {limit} bytes is reached",
                env.path().display()
            )));
        }
        if end <= self.reserved_bytes {
            return Ok(());
        }
        match self.reserve(total + demand.bytes + spare, end) {
            // What deletes may try in any case.
            Err(error) if leaves > 0 && !fits_inside()? => Err(from_io(&error, env.path())),
            _ => Ok(()),
        }
    }

    /// Takes room, with a step ahead if possible, up to `wanted` if not, or at least up to `needed`.
    fn reserve(&mut self, wanted: u64, needed: u64) -> std::io::Result<()> {
        let ahead = wanted + (wanted / 8).clamp(STEP_MIN_BYTES, STEP_MAX_BYTES);
        let mut result = Ok(());
        for end in [ahead, wanted, needed] {
            result = os::reserve(&self.file, self.reserved_bytes, end);
            if result.is_ok() {
                self.reserved_bytes = end;
                break;
            }
        }
        result
    }

    /// Takes room for a copy of so many bytes in a new file, or fails at once.
    pub(crate) fn take_for_copy(&mut self, env: &Env, bytes: u64) -> Result<()> {
        self.reserve(bytes, bytes).map_err(|error| from_io(&error, env.path()))
    }

    /// Gives back what was taken and not used.
    pub(crate) fn trim(&mut self, env: &Env) -> Result<()> {
        let mut trim = || {
            self.reserved_bytes = self.file.metadata()?.len();
            self.file.set_len(self.reserved_bytes)
        };
        trim().map_err(|error| from_io(&error, env.path()))
    }

    /// Makes the file as long as its used pages. LMDB leaves out pages at the end that it took and did not
    /// need; without them, opening the file could not tell it from one that was cut short.
    pub(crate) fn cover(&self, env: &Env) -> Result<()> {
        let total = env.usage()?.total_bytes;
        let cover = || {
            if self.file.metadata()?.len() < total {
                self.file.set_len(total)?;
                self.file.sync_data()?;
            }
            Ok(())
        };
        cover().map_err(|error| from_io(&error, env.path()))
    }

    /// Whether the device is full, found out by writing behind the end of the file: LMDB calls it an I/O error
    /// when only a part of a write found room.
    pub(crate) fn is_exhausted(&self, env: &Env, demand: Demand) -> Result<bool> {
        let probe = || {
            let end = self.file.metadata()?.len().max(env.usage().map_or(0, |usage| usage.total_bytes));
            let block = vec![0; 64 << 10];
            let blocks = demand.bytes / block.len() as u64 + 2;
            let mut offsets = (0..blocks).map(|block_no| end + block_no * block.len() as u64);
            let result = offsets.try_for_each(|at| self.file.write_all_at(&block, at));
            self.file.set_len(end)?;
            result
        };
        match probe() {
            Err(error) if error.raw_os_error().is_some_and(os::is_full) => Ok(true),
            Err(error) => Err(from_io(&error, env.path())),
            Ok(()) => Ok(false),
        }
    }
}
