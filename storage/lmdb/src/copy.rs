//! Copying all records into a new file, in order, so that its pages are full and none is free.

use crate::{
    env::Env,
    raw::{self, ReadTxn},
};
use lmdb::Error as Code;
use oxetcd_storage::{Result, Table};
use std::time::{Duration, Instant};

/// Longest rest between two flushes: on a device that is slow anyhow, rests would only add to it.
const REST_MAX: Duration = Duration::from_millis(50);
/// Bytes after which the copy is flushed. All at once at the end would be a second of writing, and whoever else waits
/// for the device, the write-ahead log above all, would wait behind it.
const FLUSH_BYTES: usize = 4 << 20;

/// Bytes of records a write transaction takes. LMDB keeps the memory for their pages until it is closed.
const CHUNK_BYTES: usize = 1 << 20;

/// Records in one piece of memory.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Lengths of each record's key and value.
    lengths: Vec<(usize, usize)>,
}

/// Copies every table from `old`, as `txn` sees it, to the empty `new`, and flushes it. Later commits to `new` are not
/// flushed: that is up to the caller. Buckets of long keys
/// are records like any other here.
pub(crate) fn copy(old: &Env, txn: &ReadTxn, new: &Env, map_limit_bytes: u64) -> Result<()> {
    // Its commits need no order: nobody reads the file before it has its name.
    new.set_sync(false)?;
    let (mut chunk, mut unflushed_bytes) = (Chunk::default(), 0);
    for table in Table::ALL {
        let mut records = old.walk(txn, table, b"")?;
        while let Some((key, value)) = records.next().map_err(|code| old.error(code))? {
            chunk.bytes.extend_from_slice(key);
            chunk.bytes.extend_from_slice(value);
            chunk.lengths.push((key.len(), value.len()));
            if chunk.bytes.len() >= CHUNK_BYTES {
                unflushed_bytes += chunk.bytes.len();
                chunk.write(new, table, map_limit_bytes)?;
            }
            if unflushed_bytes >= FLUSH_BYTES {
                unflushed_bytes = 0;
                flush(new)?;
            }
        }
        chunk.write(new, table, map_limit_bytes)?;
    }
    new.sync()
}

/// Flushes, and leaves the device to others for as long as that took.
fn flush(new: &Env) -> Result<()> {
    let began = Instant::now();
    new.sync()?;
    std::thread::sleep(began.elapsed().min(REST_MAX));
    Ok(())
}

impl Chunk {
    /// Appends the records to a table, and forgets them.
    fn write(&mut self, new: &Env, table: Table, map_limit_bytes: u64) -> Result<()> {
        loop {
            match self.try_write(new, table) {
                Err(Code::MapFull) if new.grow(map_limit_bytes)? => {}
                result => {
                    result.map_err(|code| new.error(code))?;
                    break;
                }
            }
        }
        new.touched_by_writer(self.bytes.len());
        self.bytes.clear();
        self.lengths.clear();
        Ok(())
    }

    fn try_write(&self, new: &Env, table: Table) -> raw::Result<()> {
        let dbi = new.dbi(table);
        new.write(|txn| {
            let mut rest = &self.bytes[..];
            for &(key_len, value_len) in &self.lengths {
                let (key, behind) = rest.split_at(key_len);
                let (value, behind) = behind.split_at(value_len);
                if !txn.append(dbi, key, value)? {
                    return Err(Code::Corrupted);
                }
                rest = behind;
            }
            Ok(())
        })
    }
}
