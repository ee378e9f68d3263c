//! RocksDB's errors in the words of the storage seam. RocksDB's C interface hands on text only.

use oxetcd_storage::Error;
use rocksdb::ErrorKind;
use std::{io, path::Path};

/// Name of the engine.
pub(crate) const NAME: &str = "rocksdb";

/// An error that only says something.
pub(crate) fn engine(message: impl Into<String>) -> Error {
    Error::Engine { engine: NAME, message: message.into() }
}

/// What an error of RocksDB's means for the files at `path`.
pub(crate) fn from_rocksdb(error: &rocksdb::Error, path: &Path) -> Error {
    let message = format!("{}: {error}", path.display());
    let is_full = ["No space left on device", "File too large", "Disk quota exceeded"];
    match error.kind() {
        _ if is_full.iter().any(|words| message.contains(words)) => Error::Full(message),
        ErrorKind::Corruption => Error::Corrupt(message),
        // A database without the file that names its parts.
        ErrorKind::InvalidArgument if message.contains("does not exist") => Error::Corrupt(message),
        ErrorKind::IOError => Error::Io(io::Error::other(message)),
        _ => engine(message),
    }
}

/// A failure of the operating system at `path`.
pub(crate) fn from_io(error: &io::Error, path: &Path) -> Error {
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::Full(message)
        }
        kind => Error::Io(io::Error::new(kind, message)),
    }
}
