//! sled's errors, and its panics, in the words of the storage seam.

use oxetcd_storage::{Error, Result};
use std::{
    io::{self, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// Name of the engine.
pub(crate) const NAME: &str = "sled";

/// An error that only says something.
pub(crate) fn engine(message: impl Into<String>) -> Error {
    Error::Engine { engine: NAME, message: message.into() }
}

/// What an error of sled's means for the files at `path`.
pub(crate) fn from_sled(error: sled::Error, path: &Path) -> Error {
    match error {
        sled::Error::Io(error) => from_io(&error, path),
        sled::Error::Corruption { .. } | sled::Error::Unsupported(_) => {
            Error::Corrupt(format!("{}: {error}", path.display()))
        }
        error => engine(format!("{}: {error}", path.display())),
    }
}

/// A failure of the operating system at `path`.
pub(crate) fn from_io(error: &io::Error, path: &Path) -> Error {
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        // sled hands on the kind of an error, not its number.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::Full(message),
        kind => Error::Io(io::Error::new(kind, message)),
    }
}

/// Runs `call`, which must leave nothing behind that is used after a panic. sled panics on files that it does
/// not expect; the panic's message goes to standard error all the same.
pub(crate) fn catch<T>(path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("sled panicked");
        Err(Error::Corrupt(format!("{}: {message}", path.display())))
    })
}
