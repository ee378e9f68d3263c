//! The v2 HTTP API of one member, as its clients see it.

mod ask;
mod auth;
mod backup;
mod keys;
mod lives;
mod members;
#[path = "../support/mod.rs"]
mod support;
