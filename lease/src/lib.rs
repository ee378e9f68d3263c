//! The lease book: grants, renewals, attached keys, and expiry as data.
//!
//! A lease is a promise of a time to live. Keys hang on it, and go when it goes. The book keeps two kinds of
//! facts apart:
//!
//! * **Replicated facts**, equal on every member: which leases there are, their TTL, their last checkpointed
//!   remaining TTL, which keys hang on them. They change only while a log entry is applied
//!   ([`LeaseBook::grant`], [`LeaseBook::revoke`], [`LeaseBook::apply_checkpoint`], [`LeaseBook::attach`],
//!   [`LeaseBook::detach`]), and all but the keys are stored in the table `lease`, in the caller's step.
//! * **The primary's clock**: when each lease expires. Only the leader has it, between
//!   [`LeaseBook::promote`] and [`LeaseBook::demote`]; renewals touch nothing else, so a keep-alive costs one
//!   hash lookup and no log entry.
//!
//! Nothing happens by itself. `now` is an argument everywhere: milliseconds of a clock that never goes back,
//! whose zero means nothing. The owner asks [`LeaseBook::expired`] which leases are over and proposes their
//! revocation; a lease lives until that is applied, and comes up again when it takes too long. So a member
//! that only believes itself to be the leader cannot end a lease.
//!
//! # Across restarts
//! Deadlines die with the process; the remaining TTL must not. [`LeaseBook::checkpoint_due`] says from time to
//! time which leases have aged since they were last written down, the owner replicates that, and
//! [`LeaseBook::apply_checkpoint`] stores it. A member that stops cleanly replicates
//! [`LeaseBook::checkpoint_all`] first. The next promotion then counts on from what was stored; after a crash
//! a lease lives longer by at most the checkpoint interval. A lease that is kept alive costs no checkpoints.

mod attached;
mod book;
mod config;
mod error;
mod expiry;
mod lease;
mod schedule;

pub use book::{LeaseBook, TimeToLive};
pub use config::LeaseConfig;
pub use error::LeaseError;
pub use expiry::Renewal;

/// The longest TTL that can be granted, in seconds.
pub const MAX_TTL_S: i64 = 9_000_000_000;
