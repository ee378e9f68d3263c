//! What RocksDB costs.

use oxetcd_storage_rocksdb::{Options, RocksDb};

oxetcd_storage::engine_bench!("rocksdb", |dir: &std::path::Path| RocksDb::open(dir, Options::default())
    .expect("open"));
