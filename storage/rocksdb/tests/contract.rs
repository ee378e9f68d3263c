//! RocksDB keeps the contract.

use oxetcd_storage::{Result, contract::Subject};
use oxetcd_storage_rocksdb::{Options, RocksDb};
use std::path::Path;

struct OnRocksDb;

impl Subject for OnRocksDb {
    type Engine = RocksDb;

    fn open(&self, dir: &Path) -> Result<RocksDb> {
        // Small enough that some tests write sorted files and compact them.
        RocksDb::open(dir, Options { write_buffer_bytes: 1 << 20, ..Options::default() })
    }

    // Deletes are records, too, until they are compacted.
    fn reuses_room(&self) -> bool {
        false
    }
}

oxetcd_storage::engine_contract!(OnRocksDb, durable);
