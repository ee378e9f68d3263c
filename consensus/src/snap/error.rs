//! What can be wrong with a snapshot file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a snapshot file could not be read or written.
#[derive(Debug, Error)]
pub enum SnapError {
    /// The system refused.
    #[error("snap: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("snap: {} is corrupt: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl From<SnapError> for io::Error {
    fn from(error: SnapError) -> io::Error {
        match error {
            SnapError::Io { ref source, .. } => io::Error::new(source.kind(), error),
            SnapError::Corrupt { .. } => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

pub(super) fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> SnapError + use<'a> {
    move |source| SnapError::Io { action, path: path.to_owned(), source }
}
