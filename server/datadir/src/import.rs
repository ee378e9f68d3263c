//! From a database in etcd's file format to an engine: what a leader sent, or what a Go member left behind.
//!
//! The tables have the buckets' names and hold the same records, so this is a copy, in batches of bounded size.

use bytes::BytesMut;
use oxetcd_machine::meta::Notes;
use oxetcd_storage::{Batch, Durability, Engine, Table};
use oxetcd_storage_bolt::Reader;
use std::{ops::ControlFlow, path::Path};

/// A batch is committed when its records take this much, in bytes.
const BATCH_BYTES: usize = 8 << 20;
/// Most records of a batch: small ones take more memory than their bytes.
const BATCH_RECORDS: usize = 32 << 10;

/// A database file, open for reading.
pub struct Database {
    reader: Reader,
    name: String,
}

impl Database {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// When it is missing, damaged, or in use; the text names it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let reader = Reader::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        Ok(Database { reader, name })
    }

    /// The file at `path`, opened already.
    pub fn from_reader(reader: Reader, path: &Path) -> Self {
        Database { reader, name: path.display().to_string() }
    }

    /// What its member noted about itself.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn notes(&self) -> Result<Notes, String> {
        let mut notes = Notes::default();
        self.scan(Table::Meta, |key, value| {
            notes.take(key, value);
            ControlFlow::Continue(())
        })?;
        Ok(notes)
    }

    /// Copies everything into `engine`, which is empty. What has been copied is not yet on the device.
    ///
    /// # Errors
    /// When the file is damaged, or the engine fails.
    pub fn copy_to(&self, engine: &dyn Engine) -> Result<(), String> {
        let mut copy = Copy::into(engine);
        for table in Table::ALL {
            let mut done = Ok(());
            self.scan(table, |key, value| {
                done = copy.put(table, key, value);
                if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            done.and_then(|()| copy.commit()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Visits a table's records; none if there is no such bucket, as in files of older members.
    fn scan(&self, table: Table, visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> Result<(), String> {
        let bucket = table.name().as_bytes();
        let scanned = match self.reader.has_bucket(bucket) {
            Ok(true) => self.reader.scan(bucket, b"", visit),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        scanned.map_err(|error| format!("{}: {error}", self.name))
    }
}

/// Fills an engine, in batches of bounded size.
pub(crate) struct Copy<'a> {
    engine: &'a dyn Engine,
    batch: Batch,
    bytes: usize,
}

impl<'a> Copy<'a> {
    pub(crate) fn into(engine: &'a dyn Engine) -> Self {
        Copy { engine, batch: Batch::new(), bytes: 0 }
    }

    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> oxetcd_storage::Result<()> {
        // One allocation for both.
        let mut record = BytesMut::with_capacity(key.len() + value.len());
        record.extend_from_slice(key);
        record.extend_from_slice(value);
        let mut key_part = record.freeze();
        let value_part = key_part.split_off(key.len());
        self.batch.put(table, key_part, value_part);
        self.bytes += key.len() + value.len();
        if self.bytes >= BATCH_BYTES || self.batch.ops().len() >= BATCH_RECORDS {
            self.commit()?;
        }
        Ok(())
    }

    pub(crate) fn commit(&mut self) -> oxetcd_storage::Result<()> {
        if !self.batch.is_empty() {
            self.engine.commit(&std::mem::take(&mut self.batch), Durability::Buffered)?;
            self.bytes = 0;
        }
        Ok(())
    }
}
