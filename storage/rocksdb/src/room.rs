//! Room on the device, looked for before it is needed: what RocksDB writes in the background, long after a
//! commit, must find some too, or it stops writing.

use crate::error::from_io;
use oxetcd_storage::{Batch, Error, Result};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use std::path::Path;

/// Room held back from batches that write, for those that delete.
const SPARE_BYTES: u64 = 2 << 20;
/// Most that one compaction reads, and writes anew before it removes what it has read.
pub(crate) const COMPACTION_BYTES: u64 = 512 << 20;

/// Limits of one database.
pub(crate) struct Room<'r> {
    pub(crate) path: &'r Path,
    /// Bytes of its files now.
    pub(crate) size_bytes: u64,
    pub(crate) write_buffer_bytes: u64,
    pub(crate) max_bytes: Option<u64>,
}

impl Room<'_> {
    /// Makes sure that there is room for `batch`.
    ///
    /// # Errors
    /// [`Error::Full`] when there is not.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        let mut written = 0;
        for op in batch.ops() {
            written += (op.key.len() + op.value.as_ref().map_or(0, |value| value.len()) + 16) as u64;
        }
        let deletes = batch.ops().iter().any(|op| op.value.is_none()) && written <= 64 << 10;
        let display = self.path.display();
        let limit = self.max_bytes.map(|max| if deletes { max + SPARE_BYTES } else { max });
        if limit.is_some_and(|limit| self.size_bytes + written > limit) {
            let limit = self.max_bytes.unwrap_or_default();
            return Err(Error::Full(format!("{display}: the limit of {limit} bytes is reached")));
        }
        // The log, the sorted file it becomes, and the same for what is in the buffers already.
        let needs = 2 * written + 2 * self.write_buffer_bytes + if deletes { 0 } else { SPARE_BYTES };
        if self.left_in_files() < needs {
            return Err(Error::Full(format!("{display}: files may not become larger")));
        }
        let left = self.left_on_device()?;
        // A compaction that finds no room ends all writing until the database is opened again.
        if left < needs + self.size_bytes.min(COMPACTION_BYTES) {
            return Err(Error::Full(format!("{display}: {left} bytes left on the device")));
        }
        Ok(())
    }

    fn left_on_device(&self) -> Result<u64> {
        let device = statvfs(self.path).map_err(|error| from_io(&error.into(), self.path))?;
        Ok(device.f_bavail.saturating_mul(device.f_frsize))
    }

    /// What the limit to the size of one file leaves: compacting may make one of all.
    fn left_in_files(&self) -> u64 {
        getrlimit(Resource::Fsize).current.map_or(u64::MAX, |limit| limit.saturating_sub(self.size_bytes))
    }
}
