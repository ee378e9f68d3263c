//! How far compaction has come, as kept in the `meta` table under etcd's names.

use crate::{Error, Result};
use bytes::Bytes;
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Step, Table};

/// The compaction that was asked for last.
pub(crate) const SCHEDULED: &[u8] = b"scheduledCompactRev";
/// The compaction that was finished last.
pub(crate) const FINISHED: &[u8] = b"finishedCompactRev";

/// Reads a mark; `None` if it was never set.
pub(crate) fn read(buffer: &Buffer, mark: &'static [u8]) -> Result<Option<i64>> {
    let Some(value) = buffer.get(Table::Meta, mark)? else { return Ok(None) };
    match Revision::from_bytes(&value) {
        // Far from where counting on would overflow.
        Some((revision, false)) if (0..i64::MAX / 2).contains(&revision.main) => Ok(Some(revision.main)),
        _ => Err(Error::Corrupt(format!("{} is no revision", String::from_utf8_lossy(mark)))),
    }
}

/// Sets a mark.
pub(crate) fn write(step: &Step<'_>, mark: &'static [u8], main: i64) {
    let value = Bytes::copy_from_slice(&Revision::new(main, 0).to_bytes());
    step.put(Table::Meta, Bytes::from_static(mark), value);
}
