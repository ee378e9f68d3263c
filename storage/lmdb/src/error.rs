//! LMDB's codes in the words of the storage seam.

use crate::os;
use lmdb::Error as Code;
use oxetcd_storage::Error;
use std::{io, path::Path};

/// Name of the engine.
pub(crate) const NAME: &str = "lmdb";

/// An error that only says something.
pub(crate) fn engine(message: impl Into<String>) -> Error {
    Error::Engine { engine: NAME, message: message.into() }
}

/// What a code means when it comes from the file at `path`.
pub(crate) fn from_code(code: Code, path: &Path) -> Error {
    let path = path.display();
    match code {
        Code::Other(errno) => from_errno(errno, &path),
        Code::MapFull => Error::Full(format!("{path}: the engine's limit of bytes is reached")),
        Code::VersionMismatch => {
            Error::Corrupt(format!("{path}: written by another version of LMDB's format"))
        }
        Code::Invalid => Error::Corrupt(format!("{path}: not an LMDB file")),
        Code::Corrupted | Code::PageNotFound | Code::CursorFull | Code::Incompatible => {
            Error::Corrupt(format!("{path}: {code}"))
        }
        _ => engine(format!("{path}: {code}")),
    }
}

fn from_errno(errno: i32, path: &dyn std::fmt::Display) -> Error {
    let error = io::Error::from_raw_os_error(errno);
    if os::is_full(errno) {
        Error::Full(format!("{path}: {error}"))
    } else {
        Error::Io(io::Error::new(error.kind(), format!("{path}: {error}")))
    }
}

/// A failure of the operating system at `path`.
pub(crate) fn from_io(error: &io::Error, path: &Path) -> Error {
    let path = path.display();
    match error.raw_os_error() {
        Some(errno) => from_errno(errno, &path),
        None => Error::Io(io::Error::new(error.kind(), format!("{path}: {error}"))),
    }
}
