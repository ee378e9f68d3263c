//! Commands, as data.

use super::{Failure, Flag, Invocation};
use std::{future::Future, pin::Pin};

/// What runs a command. An async function `run` becomes one by `|invocation| Box::pin(run(invocation))`.
pub type Handler = for<'a> fn(&'a mut Invocation) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// A heading in the list of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(pub &'static str);

/// A command: a node of the tree that is the program.
#[derive(Clone, Copy)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What follows the name in its usage line, without `[flags]`.
    pub usage: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// More about it; empty when `about` says it all.
    pub long: &'static str,
    /// Examples, indented; may be empty.
    pub example: &'static str,
    /// Where its parent lists it.
    pub group: Option<Group>,
    /// Headings of its own list of commands.
    pub groups: &'static [Group],
    /// Flags of this command alone.
    pub flags: &'static [&'static Flag],
    /// Flags of this command and of all below it.
    pub shared_flags: &'static [&'static Flag],
    /// Whether `shared_flags` are left out of help texts.
    pub hide_shared: bool,
    /// Commands below it, in any order: lists are sorted.
    pub commands: &'static [&'static Command],
    /// The values that its one argument can have; empty when any will do.
    pub choices: &'static [&'static str],
    /// What it does; `None` shows its help.
    pub run: Option<Handler>,
    /// A line at the end of every help text below; the root's counts.
    pub footer: &'static str,
}

impl Command {
    /// A command with this name and nothing else.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Command {
            name,
            usage: "",
            about,
            long: "",
            example: "",
            group: None,
            groups: &[],
            flags: &[],
            shared_flags: &[],
            hide_shared: false,
            commands: &[],
            choices: &[],
            run: None,
            footer: "",
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Command").field(&self.name).finish()
    }
}
