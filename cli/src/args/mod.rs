//! The command line, as Go programs built with cobra and pflag read it.
//!
//! Why not an argument parser from the shelf: people's scripts see the difference. Flags may stand anywhere, before the
//! command too; `--flag=value`, `--flag value`, `-fvalue` and `-f=value` are all the same, but a boolean takes its
//! value only behind `=`; commands may be shortened to any unique prefix; numbers and durations have Go's syntax; and
//! the words of an error, what is printed after it, where, and the exit code are all known to somebody's script. A table
//! of commands and flags and some 500 lines that walk it do that with nothing to work around.
//!
//! A [`Flag`] is defined once, as a `static`: parsing, help, environment and the command's own code all use that
//! definition. A [`Command`] is a `static` too; the tree of them is the program.

mod command;
mod complete;
mod find;
mod flag;
mod help;
mod matches;
mod parse;
mod run;
#[cfg(test)]
mod tests;

pub use command::{Command, Group, Handler};
pub use complete::complete;
pub use find::{Found, find};
pub use flag::{Flag, Kind, Value};
pub use help::{flag_lines, help_text, usage_text};
pub use matches::Matches;
pub use parse::{ParseError, parse};
pub(crate) use run::show_help;
pub use run::{Failure, Invocation, run};
