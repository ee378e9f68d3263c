//! What a request can come back with.
//!
//! Two kinds, never mixed up: an answer that every member gives alike ([`Error::is_deterministic`]) and a
//! failure of this member's storage, which stops the member and is no answer at all.

/// Result of a call to the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The asked revision lies below the compacted one.
    #[error("mvcc: required revision has been compacted")]
    Compacted,
    /// The asked revision has not happened yet.
    #[error("mvcc: required revision is a future revision")]
    FutureRevision,
    /// A put that keeps the old value or lease of its key found no such key.
    #[error("etcdserver: key not found")]
    KeyNotFound,
    /// A put names a lease that does not exist.
    #[error("lease not found")]
    LeaseNotFound,
    /// The engine failed.
    #[error(transparent)]
    Storage(#[from] oxetcd_storage::Error),
    /// The engine holds what no store wrote.
    #[error("key table is damaged: {0}")]
    Corrupt(String),
}

impl Error {
    /// Whether every member that applies the same log comes to this very error. The others are this member's
    /// own trouble: it must stop.
    pub fn is_deterministic(&self) -> bool {
        !matches!(self, Error::Storage(_) | Error::Corrupt(_))
    }
}
