//! Copying all records of a view into a new database.

use crate::{room, store::Store, undo::View};
use bytes::Bytes;
use oxetcd_storage::{Batch, Op, Result, Table};
use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// Records of a batch, and bytes of their keys and values.
const CHUNK_RECORDS: usize = 1000;
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes after which the copy is flushed: whoever flushes another file must not wait behind much of it.
const FLUSH_BYTES: usize = 4 << 20;
/// Longest rest between two flushes: on a device that is slow anyhow, rests would only add to it.
const REST_MAX: Duration = Duration::from_millis(50);

/// A copy that is being made.
struct Copy<'s> {
    new: &'s Store,
    chunk: Vec<Op>,
    chunk_bytes: usize,
    unflushed_bytes: usize,
}

/// Copies every table from `old`, as `view` sees it, to the empty `new`, and flushes it.
pub(crate) fn copy(old: &Store, view: &View, new: &Store) -> Result<()> {
    let mut copy = Copy { new, chunk: Vec::new(), chunk_bytes: 0, unflushed_bytes: 0 };
    for table in Table::ALL {
        let mut result = Ok(());
        old.scan(view, table, b"", None, &mut |key, value| {
            result = copy.take(table, key, value);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result?;
    }
    copy.write()?;
    new.flush()
}

impl Copy<'_> {
    fn take(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        self.chunk_bytes += key.len() + value.len();
        self.chunk.push(Op { table, key, value: Some(value) });
        if self.chunk.len() < CHUNK_RECORDS && self.chunk_bytes < CHUNK_BYTES {
            return Ok(());
        }
        self.write()?;
        if self.unflushed_bytes >= FLUSH_BYTES {
            self.unflushed_bytes = 0;
            let began = Instant::now();
            self.new.flush()?;
            // The device is left to others for as long as that took.
            std::thread::sleep(began.elapsed().min(REST_MAX));
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let batch = Batch::from_iter(self.chunk.drain(..));
        self.unflushed_bytes += std::mem::take(&mut self.chunk_bytes);
        room::check(self.new, &batch, None)?;
        self.new.apply(batch.ops())
    }
}
