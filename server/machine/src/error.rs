//! Two kinds of failure that must never be mixed up.
//!
//! An [`ApplyError`] is an answer: every member comes to the same one from the same entry, and goes on. A
//! [`Failure`] is this member's own misfortune - its disk, its memory - and stops it, for going on would make it
//! differ from the others.

use crate::MemberRefusal;
use oxetcd_auth::AuthError;

/// Why an entry changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The key-value store refuses.
    #[error(transparent)]
    Store(oxetcd_mvcc::Error),
    /// No such lease.
    #[error("lease not found")]
    LeaseNotFound,
    /// The lease id is taken.
    #[error("lease already exists")]
    LeaseExists,
    /// The TTL is beyond the limit.
    #[error("too large lease TTL")]
    LeaseTtlTooLarge,
    /// The NOSPACE alarm stands.
    #[error("database space exceeded")]
    NoSpace,
    /// The CORRUPT alarm stands.
    #[error("corrupt cluster")]
    Corrupt,
    /// Users and roles, or the rights that they give.
    #[error(transparent)]
    Auth(AuthError),
    /// The members may not be changed so.
    #[error(transparent)]
    Member(MemberRefusal),
    /// The v2 tree refuses it.
    #[error(transparent)]
    V2(oxetcd_v2::V2Error),
    /// A request that this version cannot apply.
    #[error("{0} is not offered by this version")]
    Unsupported(&'static str),
}

/// Why this member cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine failed.
    #[error(transparent)]
    Storage(#[from] oxetcd_storage::Error),
    /// The key-value store failed.
    #[error(transparent)]
    Store(oxetcd_mvcc::Error),
    /// The records of the v2 tree are damaged.
    #[error("v2 tree: {0}")]
    V2(String),
    /// An entry of the log is no request.
    #[error("log entry {index} cannot be read: {message}")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        message: String,
    },
}
