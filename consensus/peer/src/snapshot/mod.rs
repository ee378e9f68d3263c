//! Snapshots: `POST /raft/snapshot`, a framed `MsgSnap` and behind it the database, to the end of the body.
//!
//! The body has no length: that it is chunked tells a complete one from one that broke off. So a database
//! whose reading fails midway breaks the request off, instead of ending it.

mod receive;
mod send;

pub(crate) use receive::{Refusal, receive};
pub(crate) use send::send;

use std::time::Duration;

/// A transfer in which nothing moves for this long is given up.
const STALL: Duration = Duration::from_secs(30);
