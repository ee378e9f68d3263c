//! What can go wrong in an engine. Every one of these stops the member: an engine that cannot read or write
//! must not be worked around, or members diverge.

use std::io;

/// Result of an engine's call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Failure of an engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device has no room left (`ENOSPC`), or the engine's own limit is reached. Nothing of the batch was
    /// written.
    #[error("storage is full: {0}")]
    Full(String),
    /// The files are not what this engine wrote.
    #[error("storage is damaged: {0}")]
    Corrupt(String),
    /// Another process holds the files.
    #[error("storage is in use by another process: {0}")]
    Locked(String),
    /// Any other failure of the operating system.
    #[error("storage I/O failed: {0}")]
    Io(#[from] io::Error),
    /// Any other failure of the engine.
    #[error("storage engine {engine}: {message}")]
    Engine {
        /// Name of the engine.
        engine: &'static str,
        /// Its words.
        message: String,
    },
}
