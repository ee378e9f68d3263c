//! What can be wrong with a log.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a log could not be read or written.
#[derive(Debug, Error)]
pub enum WalError {
    /// The system refused.
    #[error("wal: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is a log already where one was to be created.
    #[error("wal: {} holds a log already", .0.display())]
    Exists(PathBuf),
    /// There is no log to open.
    #[error("wal: no log in {}", .0.display())]
    NotFound(PathBuf),
    /// Another process has the log open.
    #[error("wal: {} is locked by another process", .0.display())]
    Locked(PathBuf),
    /// The files are not consecutive.
    #[error("wal: a segment is missing: {after} is followed by {found}")]
    MissingSegment {
        /// The last file before the gap.
        after: String,
        /// The file after it.
        found: String,
    },
    /// All files begin after the place the log was to be opened at.
    #[error("wal: no segment reaches back to index {0}")]
    NoSegmentFor(u64),
    /// Bytes that were once on disk are not what was written.
    #[error("wal: {} is corrupt at offset {offset}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the bad record begins, in bytes.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A record that no version we know writes.
    #[error("wal: {} has a record of unknown type {kind} at offset {offset}: another version wrote it", path.display())]
    UnknownRecord {
        /// The file.
        path: PathBuf,
        /// Where the record begins, in bytes.
        offset: u64,
        /// The record's type number.
        kind: i64,
    },
    /// Two segments name different members or clusters.
    #[error("wal: conflicting metadata found in {}", .0.display())]
    MetadataConflict(PathBuf),
    /// The log does not know the snapshot it was to be opened at.
    #[error("wal: snapshot at index {0} not found in the log")]
    SnapshotNotFound(u64),
    /// The log knows the snapshot it was to be opened at under another term.
    #[error("wal: snapshot at index {index} has term {found} in the log, not {expected}")]
    SnapshotMismatch {
        /// The snapshot's index.
        index: u64,
        /// The term asked for.
        expected: u64,
        /// The term in the log.
        found: u64,
    },
    /// Entries are not consecutive.
    #[error("wal: entry {found} follows entry {last}")]
    EntryGap {
        /// The last index before the gap.
        last: u64,
        /// The index after it.
        found: u64,
    },
    /// A snapshot record needs the membership it was taken under.
    #[error("wal: snapshot record at index {0} has no membership")]
    NoConfState(u64),
    /// An earlier write failed, so nothing is known of what is on disk: the member has to stop.
    #[error("wal: unusable after an earlier failure: {0}")]
    Poisoned(String),
}

impl From<WalError> for io::Error {
    fn from(error: WalError) -> io::Error {
        match error {
            WalError::Io { ref source, .. } => io::Error::new(source.kind(), error),
            other => io::Error::other(other),
        }
    }
}

/// Names the action and the file of an I/O error.
pub(crate) fn io_error<'a>(
    action: &'static str,
    path: &'a std::path::Path,
) -> impl FnOnce(io::Error) -> WalError + use<'a> {
    move |source| match (action, source.kind()) {
        ("lock", io::ErrorKind::WouldBlock) => WalError::Locked(path.to_owned()),
        _ => WalError::Io { action, path: path.to_owned(), source },
    }
}
