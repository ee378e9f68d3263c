//! What sled costs.

use oxetcd_storage_sled::{Options, Sled};

oxetcd_storage::engine_bench!("sled", |dir: &std::path::Path| Sled::open(dir, Options::default())
    .expect("open"));
