//! Users and their rights, through the wire, with a server process: a matrix against a model of the rules, and by
//! name the holes that etcd once had.

#![allow(unreachable_pub)]

mod client;
mod holes;
mod matrix;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
