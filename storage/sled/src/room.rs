//! Room on the device, looked for before it is needed: sled does not survive a write that finds none.

use crate::{error::from_io, store::Store};
use oxetcd_storage::{Batch, Error, Result};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use std::io;

/// sled writes whole segments of this size, and rewrites pages around those that change.
const SEGMENT_BYTES: u64 = 512 << 10;
/// Bytes that sled may write for one byte of a batch.
const AMPLIFICATION: u64 = 4;
/// Room held back from batches that write, for those that delete.
const SPARE_BYTES: u64 = 4 << 20;
/// What deletes need at least.
const LEAST_BYTES: u64 = 4 * SEGMENT_BYTES;

/// Makes sure that there is room for `batch`.
///
/// # Errors
/// [`Error::Full`] when there is not.
pub(crate) fn check(store: &Store, batch: &Batch, max_bytes: Option<u64>) -> Result<()> {
    let mut written = 0;
    for op in batch.ops() {
        written += op.value.as_ref().map_or(0, |value| (op.key.len() + value.len()) as u64);
    }
    let needs = LEAST_BYTES + batch.ops().len() as u64 * 64 + written * AMPLIFICATION;
    let deletes = batch.ops().iter().any(|op| op.value.is_none()) && written <= 64 << 10;
    let needs = if deletes { needs } else { needs + SPARE_BYTES };
    let path = store.path();
    let size = store.size_bytes()?;
    // The spare room lies beyond the limit here: it is the engine's own, not the device's.
    if max_bytes.is_some_and(|max| size + written > if deletes { max + SPARE_BYTES } else { max }) {
        let limit = max_bytes.unwrap_or_default();
        return Err(Error::Full(format!("{}: the limit of {limit} bytes is reached", path.display())));
    }
    let room = available(path).map_err(|error| from_io(&error, path))?;
    let room = match getrlimit(Resource::Fsize).current {
        Some(limit) => room.min(limit.saturating_sub(size)),
        None => room,
    };
    if room < needs {
        return Err(Error::Full(format!("{}: {room} bytes left on the device", path.display())));
    }
    Ok(())
}

fn available(path: &std::path::Path) -> io::Result<u64> {
    let device = statvfs(path)?;
    Ok(device.f_bavail.saturating_mul(device.f_frsize))
}
