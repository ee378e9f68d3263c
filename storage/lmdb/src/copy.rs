//! Copying all records into a new file, in order, so that its pages are full and none is free.

use crate::{
    env::Env,
    raw::{self, ReadTxn},
};
use lmdb::Error as Code;
use oxetcd_storage::{Result, Table};

/// Bytes of records a write transaction takes. LMDB keeps the memory for their pages until it is closed.
const CHUNK_BYTES: usize = 1 << 20;

/// Copies every table from `old`, as `txn` sees it, to the empty `new`, and flushes it.
pub(crate) fn copy(old: &Env, txn: &ReadTxn, new: &Env, map_limit_bytes: u64) -> Result<()> {
    // One flush at the end will do: nobody reads the file before it has its name.
    new.set_sync(false)?;
    for table in Table::ALL {
        let mut from = Some(Vec::new());
        while let Some(at) = from {
            from = match copy_chunk(old, txn, new, table, &at) {
                Err(Code::MapFull) if new.grow(map_limit_bytes)? => Some(at),
                next => next.map_err(|code| new.error(code))?,
            };
        }
    }
    new.set_sync(true)?;
    new.sync()
}

/// Copies records from the key `from` on; returns where the next chunk begins. Buckets of long keys are
/// records like any other here.
fn copy_chunk(
    old: &Env,
    txn: &ReadTxn,
    new: &Env,
    table: Table,
    from: &[u8],
) -> raw::Result<Option<Vec<u8>>> {
    let view = old.view(txn);
    let mut cursor = view.cursor(old.dbi(table))?;
    let mut at = cursor.seek(from)?;
    let mut bytes = 0;
    let next = new.write(|txn| {
        while let Some((key, value)) = at {
            if bytes >= CHUNK_BYTES {
                return Ok(Some(key.to_vec()));
            }
            if !txn.append(new.dbi(table), key, value)? {
                return Err(Code::Corrupted);
            }
            bytes += key.len() + value.len();
            at = cursor.next()?;
        }
        Ok(None)
    })?;
    old.touched(&view, bytes);
    new.touched_by_writer(bytes);
    Ok(next)
}
