//! The engine itself.

use crate::{
    Options,
    error::{NAME, engine, from_rocksdb},
    files::Dir,
    room::{COMPACTION_BYTES, Room},
};
use bytes::Bytes;
use oxetcd_storage::{Batch, Checkpoint, Durability, Engine, Error, Result, Size, Table, Visit, VisitFound};
use parking_lot::Mutex;
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamilyDescriptor, CompactOptions, DB,
    DBRawIterator, DEFAULT_COLUMN_FAMILY_NAME, ReadOptions, Snapshot, WaitForCompactOptions, WriteBatch,
    WriteOptions,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Keys looked up at once: few enough to stop early, enough to read their blocks together.
const LOOKUP_KEYS: usize = 64;

/// The RocksDB engine over one directory.
pub struct RocksDb {
    shared: Arc<Shared>,
    options: Options,
    writer: Mutex<()>,
}

/// The database, and the lock on its directory: for as long as anybody reads.
struct Shared {
    // Before `_dir`: fields drop in order, and the database closes before somebody else may have it.
    db: DB,
    path: PathBuf,
    _dir: Dir,
}

/// A key with its table's byte in front.
fn full_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table as u8);
    full.extend_from_slice(key);
    full
}

fn open(path: &Path, options: &Options, is_new: bool) -> Result<DB> {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(options.cache_bytes));
    table.set_bloom_filter(10.0, false);
    let mut config = rocksdb::Options::default();
    config.create_if_missing(is_new);
    config.set_block_based_table_factory(&table);
    config.set_write_buffer_size(options.write_buffer_bytes);
    config.set_max_write_buffer_number(2);
    config.set_max_total_wal_size(2 * options.write_buffer_bytes as u64);
    config.set_keep_log_file_num(2);
    config.set_max_open_files(256);
    config.set_max_compaction_bytes(COMPACTION_BYTES);
    // Named, though there is no other: lookups of many keys want the family's handle.
    let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, config.clone());
    DB::open_cf_descriptors(&config, path, [family]).map_err(|error| from_rocksdb(&error, path))
}

impl RocksDb {
    /// Opens the engine in the directory `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Locked`](oxetcd_storage::Error::Locked) while another process, or another engine of this one, uses the
    /// directory; [`Corrupt`](oxetcd_storage::Error::Corrupt) for files that are not ours, of a newer format or
    /// damaged.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let dir = Dir::lock(path.as_ref())?;
        let path = dir.database(|path| open(path, &options, true).map(drop))?;
        let db = open(&path, &options, false)?;
        Ok(RocksDb { shared: Arc::new(Shared { db, path, _dir: dir }), options, writer: Mutex::new(()) })
    }
}

impl RocksDb {
    /// Makes sure that there is room for `batch`. A compaction has its files twice until it is done: what does
    /// not fit beside it may fit behind it.
    fn check_room(&self, batch: &Batch) -> Result<()> {
        match self.room()?.check(batch) {
            Err(Error::Full(_)) => {}
            outcome => return outcome,
        }
        let shared = &self.shared;
        let options = WaitForCompactOptions::default();
        shared.db.wait_for_compact(&options).map_err(|error| shared.failed(error))?;
        self.room()?.check(batch)
    }

    fn room(&self) -> Result<Room<'_>> {
        Ok(Room {
            path: &self.shared.path,
            size_bytes: self.shared.size_bytes()?,
            write_buffer_bytes: self.options.write_buffer_bytes as u64,
            max_bytes: self.options.max_bytes,
        })
    }
}

impl Shared {
    fn failed(&self, error: rocksdb::Error) -> oxetcd_storage::Error {
        from_rocksdb(&error, &self.path)
    }

    fn property(&self, name: &str) -> Result<u64> {
        let value = self.db.property_int_value(name).map_err(|error| self.failed(error))?;
        value.ok_or_else(|| engine(format!("does not know its {name}")))
    }

    /// Bytes of its files: sorted ones, and the log of what is still in memory.
    fn size_bytes(&self) -> Result<u64> {
        Ok(self.property("rocksdb.total-sst-files-size")? + self.property("rocksdb.size-all-mem-tables")?)
    }

    /// How to read a range.
    fn range(table: Table, to: Option<&[u8]>) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to.map_or_else(|| vec![table as u8 + 1], |to| full_key(table, to)));
        options
    }

    fn visit(&self, mut records: DBRawIterator<'_>, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        records.seek(from);
        while let Some((key, value)) = records.item() {
            if visit(&key[1..], value).is_break() {
                return Ok(());
            }
            records.next();
        }
        records.status().map_err(|error| self.failed(error))
    }
}

impl Engine for RocksDb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        let found =
            self.shared.db.get_pinned(full_key(table, key)).map_err(|error| self.shared.failed(error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn get_many(&self, table: Table, keys: &[&[u8]], visit: &mut VisitFound<'_>) -> Result<()> {
        let db = &self.shared.db;
        let family =
            db.cf_handle(DEFAULT_COLUMN_FAMILY_NAME).ok_or_else(|| engine("has no default column family"))?;
        let snapshot = db.snapshot();
        let mut options = ReadOptions::default();
        options.set_snapshot(&snapshot);
        let mut at = 0;
        for keys in keys.chunks(LOOKUP_KEYS) {
            let keys: Vec<_> = keys.iter().map(|key| full_key(table, key)).collect();
            for found in db.batched_multi_get_cf_opt(family, &keys, false, &options) {
                let found = found.map_err(|error| self.shared.failed(error))?;
                if visit(at, found.as_deref()).is_break() {
                    return Ok(());
                }
                at += 1;
            }
        }
        Ok(())
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let records = self.shared.db.raw_iterator_opt(Shared::range(table, to));
        self.shared.visit(records, &full_key(table, from), visit)
    }

    fn commit(&self, batch: &Batch, durability: Durability) -> Result<()> {
        if batch.ops().iter().any(|op| op.key.is_empty()) {
            return Err(engine("a key must not be empty"));
        }
        let shared = &self.shared;
        let _one = self.writer.lock();
        if batch.is_empty() {
            let is_synced = durability == Durability::Synced;
            return shared.db.flush_wal(is_synced).map_err(|error| shared.failed(error));
        }
        self.check_room(batch)?;
        let mut changes = WriteBatch::default();
        for op in batch.ops() {
            let key = full_key(op.table, &op.key);
            match &op.value {
                Some(value) => changes.put(key, value),
                None => changes.delete(key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        shared.db.write_opt(changes, &options).map_err(|error| shared.failed(error))
    }

    fn size(&self) -> Result<Size> {
        let shared = &self.shared;
        let total_bytes = shared.size_bytes()?;
        let live = shared.property("rocksdb.estimate-live-data-size")?;
        let in_memory = shared.property("rocksdb.cur-size-all-mem-tables")?;
        Ok(Size { total_bytes, in_use_bytes: (live + in_memory).min(total_bytes) })
    }

    fn defragment(&self) -> Result<()> {
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let shared = &self.shared;
        shared.db.flush().map_err(|error| shared.failed(error))?;
        shared.db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
        Ok(())
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        Ok(Box::new(RocksCheckpoint(Held::new(self.shared.clone(), |shared| shared.db.snapshot()))))
    }
}

self_cell::self_cell!(
    /// A snapshot with the database that it is of.
    struct Held {
        owner: Arc<Shared>,

        #[not_covariant]
        dependent: Snapshot,
    }
);

struct RocksCheckpoint(Held);

impl Checkpoint for RocksCheckpoint {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.0.with_dependent(|shared, snapshot| {
            let records = snapshot.raw_iterator_opt(Shared::range(table, None));
            shared.visit(records, &full_key(table, from), visit)
        })
    }
}
