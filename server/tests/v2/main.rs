//! The v2 HTTP API of one member, as its clients see it.

mod ask;
mod keys;
mod lives;
#[path = "../support/mod.rs"]
mod support;
