//! LMDB keeps the contract.

use oxetcd_storage::{Result, contract::Subject};
use oxetcd_storage_lmdb::{Lmdb, Options};
use std::path::Path;

struct OnLmdb;

impl Subject for OnLmdb {
    type Engine = Lmdb;

    fn open(&self, dir: &Path) -> Result<Lmdb> {
        // Small enough that the map has to grow in some tests.
        Lmdb::open(dir, Options { reserve_bytes: 4 << 20, ..Options::default() })
    }
}

oxetcd_storage::engine_contract!(OnLmdb, durable);
