//! Picks the storage engine by name. Which ones there are is decided at compile time, by cargo features.

use oxetcd_storage::{Engine, Memory};
use std::{path::Path, sync::Arc};

/// Every engine that this server can be built with, and the feature that brings it.
const ENGINES: [(&str, Option<&str>); 4] =
    [("memory", None), ("lmdb", Some("lmdb")), ("sled", Some("sled")), ("rocksdb", Some("rocksdb"))];

/// What engines are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineOptions {
    /// Room that the data may take at most, in bytes; `None` is without limit.
    pub(crate) max_bytes: Option<u64>,
}

/// Opens the engine `name` with its files in a directory of its own below `snap_dir`.
///
/// # Errors
/// When there is no such engine, it was not compiled in, the directory holds another engine's data, or its files
/// cannot be opened; the text says which.
pub(crate) fn open_engine(
    name: &str,
    snap_dir: &Path,
    options: EngineOptions,
) -> Result<Arc<dyn Engine>, String> {
    let Some((_, feature)) = ENGINES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = ENGINES.iter().map(|(known, _)| *known).collect();
        return Err(format!("unknown storage backend {name:?}: there are {}", known.join(", ")));
    };
    refuse_others(name, snap_dir)?;
    let opened = open_compiled(name, &snap_dir.join(name), options);
    let missing = || {
        format!(
            "storage backend {name:?} was not compiled into this server: build it with `--features {}`",
            feature.unwrap_or(name)
        )
    };
    let engine = opened.ok_or_else(missing)?;
    engine.map_err(|error| format!("cannot open the {name} engine in {}: {error}", snap_dir.display()))
}

type Opened = Option<oxetcd_storage::Result<Arc<dyn Engine>>>;

#[allow(unused_variables)]
fn open_compiled(name: &str, path: &Path, options: EngineOptions) -> Opened {
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

/// The data is in one engine; starting with another one beside it would show an empty store.
fn refuse_others(name: &str, snap_dir: &Path) -> Result<(), String> {
    for (other, _) in ENGINES.iter().filter(|(other, _)| *other != name) {
        let path = snap_dir.join(other);
        if path.exists() {
            return Err(format!(
                "the data is in the {other} engine ({}): start with `--backend {other}`",
                path.display()
            ));
        }
    }
    let bolt = snap_dir.join("db");
    if bolt.exists() && !snap_dir.join(name).exists() {
        return Err(format!(
            "{} was written by etcd on bbolt: this version cannot open it in place yet",
            bolt.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: EngineOptions = EngineOptions { max_bytes: None };

    fn refusal(name: &str, dir: &Path) -> String {
        open_engine(name, dir, OPTIONS).err().unwrap_or_default()
    }

    #[test]
    fn an_unknown_engine_is_refused_with_the_known_ones() {
        let error = refusal("bolt", Path::new("/nonexistent"));
        assert!(error.contains("memory, lmdb, sled, rocksdb"), "{error}");
    }

    #[test]
    #[cfg(not(feature = "rocksdb"))]
    fn an_engine_that_was_not_compiled_in_names_its_feature() {
        let error = refusal("rocksdb", Path::new("/nonexistent"));
        assert!(error.contains("--features rocksdb"), "{error}");
    }

    #[test]
    fn data_of_another_engine_is_refused() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("sled"))?;
        let error = refusal("memory", dir.path());
        assert!(error.contains("--backend sled"), "{error}");
        Ok(())
    }
}
