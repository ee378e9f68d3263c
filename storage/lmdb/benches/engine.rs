//! What LMDB costs.

use oxetcd_storage_lmdb::{Lmdb, Options};

oxetcd_storage::engine_bench!("lmdb", |dir: &std::path::Path| Lmdb::open(dir, Options::default())
    .expect("open"));
