//! TLS of real processes: who is let in, what those who are not are told, how files are changed while a server runs,
//! and what it makes of bytes that are no TLS.

#![allow(unreachable_pub)]

mod hostile;
mod listeners;
mod pki;
mod refusals;
mod reload;
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod users;
