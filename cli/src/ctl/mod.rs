//! etcdctl: the tree of its commands.

mod commands;
mod discovery;
mod environment;
mod global;
mod password;
mod session;

pub(crate) use commands::{API_VERSION, VERSION_NUMBER, not_started};
pub(crate) use password::ask as ask_password;
pub use session::Session;
pub(crate) use session::encrypted;

use crate::args::{Command, Group};

const KEY_VALUE: Group = Group("Key-value commands");
const MAINTENANCE: Group = Group("Cluster maintenance commands");
const CONCURRENCY: Group = Group("Concurrency commands");
const AUTHENTICATION: Group = Group("Authentication commands");
const UTILITY: Group = Group("Utility commands");

/// The program.
pub static ETCDCTL: Command = Command {
    groups: &[KEY_VALUE, MAINTENANCE, CONCURRENCY, AUTHENTICATION, UTILITY],
    shared_flags: global::ALL,
    hide_shared: true,
    commands: commands::ALL,
    footer: "Use \"etcdctl options\" for a list of global command-line options (applies to all commands).",
    ..Command::new("etcdctl", "The command line client of etcd's version 3 API.")
};
