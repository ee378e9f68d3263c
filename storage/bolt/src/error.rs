//! What can go wrong with a bbolt file.

use std::io;

/// Result of this crate's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Failure to read or write a bbolt file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system failed to read or write.
    #[error("bbolt file: {0}")]
    Io(#[from] io::Error),
    /// Another process has the file open for writing.
    #[error("bbolt file is in use by another process")]
    InUse,
    /// No meta page carries bbolt's magic number.
    #[error("not a bbolt file")]
    NotBolt,
    /// The file has a format version that is not read here.
    #[error("bbolt file has format version {0}, only version 2 is known")]
    Version(u32),
    /// Neither meta page has the checksum that it states.
    #[error("bbolt file is damaged: checksum mismatch in both meta pages")]
    Checksum,
    /// The valid meta page contradicts itself.
    #[error("bbolt file is damaged: meta page with {0}")]
    Meta(&'static str),
    /// The file ends before the last page that it says is in use.
    #[error("bbolt file is truncated: {have_bytes} bytes of {need_bytes}")]
    Truncated {
        /// Length of the file.
        have_bytes: u64,
        /// Length that its meta page asks for.
        need_bytes: u64,
    },
    /// A page does not hold what it must.
    #[error("bbolt file is damaged: page {page}: {problem}")]
    Page {
        /// Id of the page; 0 for an inline bucket.
        page: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A page that is asked for lies outside the file.
    #[error("bbolt file is damaged: page {page} is out of bounds")]
    OutOfBounds {
        /// Id of the page.
        page: u64,
    },
    /// There is no bucket of that name.
    #[error("bucket {} not found", .0.escape_ascii())]
    NoBucket(Vec<u8>),
    /// A bucket holds another bucket, which no etcd ever wrote.
    #[error("bucket {} holds a nested bucket", .0.escape_ascii())]
    Nested(Vec<u8>),

    /// A record or bucket was given with an empty key.
    #[error("key is empty")]
    EmptyKey,
    /// A key is longer than bbolt allows.
    #[error("key of {0} bytes is too large")]
    LargeKey(usize),
    /// A value is longer than bbolt allows.
    #[error("value of {0} bytes is too large")]
    LargeValue(usize),
    /// A key does not come after the one before it.
    #[error("keys of bucket {} are not in ascending order", .0.escape_ascii())]
    Order(Vec<u8>),
    /// The same bucket was begun twice.
    #[error("bucket {} is given twice", .0.escape_ascii())]
    BucketTwice(Vec<u8>),
    /// A record was given before any bucket was begun.
    #[error("record without a bucket")]
    BucketMissing,
    /// The records of the second pass are not those that were planned. What was written is no valid file.
    #[error("records changed between planning and writing")]
    Changed,
}

impl Error {
    /// Whether the file itself is at fault: not a bbolt file, damaged or cut off.
    pub fn is_damage(&self) -> bool {
        use Error::{Checksum, Meta, Nested, NotBolt, OutOfBounds, Page, Truncated, Version};
        matches!(
            self,
            NotBolt
                | Version(_)
                | Checksum
                | Meta(_)
                | Truncated { .. }
                | Page { .. }
                | OutOfBounds { .. }
                | Nested(_)
        )
    }
}

/// Failure of [`plan`](fn@crate::plan) or [`write`](fn@crate::write): of the file, or of the scan that feeds it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The scan failed.
    #[error("{0}")]
    Scan(E),
    /// The file could not be made.
    #[error(transparent)]
    Bolt(#[from] Error),
}
