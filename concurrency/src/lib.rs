//! Coordination between processes, by way of a key-value store with leases.
//!
//! Everything here is built from three things that the store offers: a key that goes when its lease goes, a transaction
//! that compares before it writes, and a watch. They are asked for through one narrow trait, [`Kv`] (and [`Leases`], for
//! those who keep a lease alive themselves), so the crate knows neither a network nor a runtime. The client implements
//! them over gRPC, the server over itself for its Lock and Election services, and a test over a map.
//!
//! * A [`Session`] is a lease that is kept alive for as long as the process wants to be counted.
//! * A [`Mutex`] is held by one session at a time, in the order in which they came.
//! * An [`Election`] is a mutex whose holder has something to say: the leader and its proclamations can be observed.
//! * [`transact`] runs a function against the store as if it were alone, at one of four levels of [`Isolation`].
//!
//! # A lock alone protects nothing
//! A holder can be stopped for a minute (a virtual machine that is moved, a long pause of a collector) and go on without
//! knowing that its lease has ended and somebody else holds the lock. No lock service can prevent that. What
//! helps is a *fence*: whatever the lock protects must refuse a holder that is no longer the newest.
//!
//! * For data in the store itself, put [`Mutex::is_owner`] among the comparisons of every transaction: it
//!   fails as soon as the lock is lost.
//! * For anything else, send [`Mutex::revision`] along. Each holder has a higher one than those before it, so the
//!   other side keeps the highest that it has seen and refuses lower ones.
//!
//! `client/examples/fencing.rs` shows both, and what happens without.
//!
//! # Names
//! Keys are those of etcd's own client: `<name>/<lease id in hexadecimal>`. So holders and waiters of both see each other.

mod claim;
mod election;
mod error;
mod kv;
mod mutex;
mod observe;
mod ops;
mod session;
mod stm;
mod turn;

pub use election::Election;
pub use error::Error;
pub use kv::{Kv, Leases, Renewal};
pub use mutex::Mutex;
pub use observe::{Observer, Proclamation};
pub use session::Session;
pub use stm::{Committed, Isolation, Stm, transact};
