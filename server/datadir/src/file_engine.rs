//! A database file as an engine that can only be read: what calculates over a store works on a file, too.

use oxetcd_storage::{Batch, Checkpoint, Durability, Engine, Error, Result, Size, Table, Visit};
use oxetcd_storage_bolt::Reader;
use std::{ops::ControlFlow, sync::Arc};

/// A database file that refuses to be written.
pub struct FileEngine(Arc<Reader>);

impl FileEngine {
    /// The file behind `reader`.
    pub fn new(reader: Reader) -> Self {
        FileEngine(Arc::new(reader))
    }

    fn visit(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let bucket = table.name().as_bytes();
        if !self.0.has_bucket(bucket).map_err(failed)? {
            return Ok(());
        }
        self.0.scan(bucket, from, visit).map_err(failed)
    }
}

impl Engine for FileEngine {
    fn name(&self) -> &'static str {
        "bbolt file"
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<bytes::Bytes>> {
        let bucket = table.name().as_bytes();
        if !self.0.has_bucket(bucket).map_err(failed)? {
            return Ok(None);
        }
        Ok(self.0.get(bucket, key).map_err(failed)?.map(Into::into))
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        self.visit(table, from, &mut |key, value| {
            if to.is_some_and(|to| key >= to) { ControlFlow::Break(()) } else { visit(key, value) }
        })
    }

    fn commit(&self, _batch: &Batch, _durability: Durability) -> Result<()> {
        Err(Error::Engine { engine: self.name(), message: "it is open for reading only".to_owned() })
    }

    fn size(&self) -> Result<Size> {
        Ok(Size { total_bytes: self.0.bytes(), in_use_bytes: self.0.bytes() })
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        // The file does not change while its reader holds the lock.
        Ok(Box::new(FileEngine(self.0.clone())))
    }
}

impl Checkpoint for FileEngine {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.visit(table, from, visit)
    }
}

fn failed(error: oxetcd_storage_bolt::Error) -> Error {
    Error::Corrupt(error.to_string())
}
