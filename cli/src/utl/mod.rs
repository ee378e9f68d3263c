//! etcdutl: the tree of its commands. They work on files, of members that do not run.

mod completion;
mod defrag;
mod hashkv;
mod help;
mod migrate;
mod migrate_v2;
mod recover;
mod restore;
mod snapshot;
mod status;
mod version;

use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    exit,
    print::{Format, Style},
};
use std::time::Duration;

static TIMEOUT: Flag = Flag::new(
    "timeout",
    Kind::Duration,
    "10s",
    "how long to wait for a database that is in use (0 means for ever)",
);
static WRITE_OUT: Flag =
    Flag::text("write-out", "simple", "format of answers (fields, json, protobuf, simple, table)")
        .short('w')
        .choices(&["fields", "json", "protobuf", "simple", "table"]);

/// The program.
pub static ETCDUTL: Command = Command {
    shared_flags: &[&TIMEOUT, &WRITE_OUT],
    commands: &[
        &defrag::DEFRAG,
        &snapshot::SNAPSHOT,
        &hashkv::HASHKV,
        &version::VERSION,
        &completion::COMPLETION,
        &migrate::MIGRATE,
        &recover::RECOVER,
        &migrate_v2::MIGRATE_V2,
        &help::HELP,
    ],
    ..Command::new("etcdutl", "The command line tool for the files of etcd's members.")
};

/// A failure of the work itself.
fn failed(message: impl ToString) -> Failure {
    Failure::new(exit::ERROR, message)
}

/// How answers are to look.
fn style(invocation: &Invocation) -> Result<Style, Failure> {
    let format = Format::named(&invocation.matches.text(&WRITE_OUT))
        .ok_or_else(|| Failure::new(exit::BAD_FEATURE, "unsupported output format"))?;
    Ok(Style { format, hex: false, value_only: false })
}

/// How long to wait for a file that is in use.
fn wait(invocation: &Invocation) -> Duration {
    Duration::from_nanos(u64::try_from(invocation.matches.duration(&TIMEOUT).0).unwrap_or(0))
}

/// Refuses a run without the flags that the command cannot do without.
fn require(invocation: &Invocation, flags: &[&'static Flag]) -> Result<(), Failure> {
    let missing: Vec<_> = flags.iter().filter(|flag| !invocation.matches.is_set(flag)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|flag| format!("\"{}\"", flag.name)).collect();
    Err(usage(invocation, &format!("required flag(s) {} not set", names.join(", "))))
}

/// A wrong call, answered with the command's usage.
fn usage(invocation: &Invocation, message: &str) -> Failure {
    invocation.out.flush();
    eprint!("Error: {message}\n{}\n", crate::args::usage_text(&invocation.path));
    Failure::silent(exit::ERROR)
}
