//! Picks the storage engine by name. Which ones there are is decided at compile time, by cargo features.

use oxetcd_storage::{Engine, Memory};
use std::{path::Path, sync::Arc};

/// Every engine that this server can be built with, and the feature that brings it.
pub(crate) const ENGINES: [(&str, Option<&str>); 4] =
    [("memory", None), ("lmdb", Some("lmdb")), ("sled", Some("sled")), ("rocksdb", Some("rocksdb"))];

/// Refuses a name that no engine has, compiled in or not.
pub(crate) fn check_known(name: &str) -> Result<(), String> {
    if ENGINES.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let known: Vec<&str> = ENGINES.iter().map(|(known, _)| *known).collect();
    Err(format!("unknown storage backend {name:?}: there are {}", known.join(", ")))
}

/// Makes sure that there is an engine called `name`, and that this program was built with it.
///
/// # Errors
/// With what is wrong with the name.
pub fn check_engine(name: &str) -> Result<(), String> {
    check_known(name)?;
    let compiled = match name {
        "lmdb" => cfg!(feature = "lmdb"),
        "sled" => cfg!(feature = "sled"),
        "rocksdb" => cfg!(feature = "rocksdb"),
        _ => true,
    };
    if compiled {
        Ok(())
    } else {
        Err(format!("this program was built without the storage backend {name:?}"))
    }
}

/// What engines are told.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Room that the data may take at most, in bytes; `None` is without limit.
    pub max_bytes: Option<u64>,
}

/// Opens the engine `name` in the directory `path`; `None` when it was not compiled in.
#[allow(unused_variables)]
pub(crate) fn open_compiled(
    name: &str,
    path: &Path,
    options: EngineOptions,
) -> Option<oxetcd_storage::Result<Arc<dyn Engine>>> {
    match name {
        "memory" => Some(Ok(Arc::new(Memory::new()))),
        #[cfg(feature = "lmdb")]
        "lmdb" => {
            // Small: what commits look at is mostly the end of the file, again and again.
            let resident_bytes = 8 << 20;
            let max_bytes = options.max_bytes;
            let options = oxetcd_storage_lmdb::Options { max_bytes, resident_bytes, ..Default::default() };
            Some(oxetcd_storage_lmdb::Lmdb::open(path, options).map(|engine| Arc::new(engine) as _))
        }
        #[cfg(feature = "sled")]
        "sled" => {
            let options = oxetcd_storage_sled::Options { ..Default::default() };
            Some(oxetcd_storage_sled::Sled::open(path, options).map(|engine| Arc::new(engine) as _))
        }
        #[cfg(feature = "rocksdb")]
        "rocksdb" => {
            let options = oxetcd_storage_rocksdb::Options { ..Default::default() };
            Some(oxetcd_storage_rocksdb::RocksDb::open(path, options).map(|engine| Arc::new(engine) as _))
        }
        _ => None,
    }
}
