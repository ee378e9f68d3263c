//! etcdctl and etcdutl, one file per command.
//!
//! A program is a tree of [`args::Command`]s; [`args::run`] finds the one that is meant, reads its flags and runs it.
//! Answers are shown by [`mod@print`], in one of five formats. [`go`] has the text forms of Go that users of etcd's tools
//! are used to; [`ctl`] is etcdctl, [`utl`] is etcdutl, [`v2ctl`] is
//! etcdctl for version 2 of the API.

pub mod args;
mod completion;
pub mod ctl;
#[cfg(test)]
mod documented;
pub mod exit;
pub mod go;
pub mod hide;
mod interrupt;
pub mod log;
pub mod print;
pub mod progress;
pub mod utl;
pub mod v2ctl;
