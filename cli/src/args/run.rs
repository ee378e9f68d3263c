//! From arguments to an exit code.

use super::{
    Command, Matches,
    find::{Found, find, flags_of, full_name},
    help::{help_text, usage_text},
    parse::{HELP, parse},
};
use crate::{go::quote::quote, print::Output};
use std::io::Write as _;

/// Why a command failed, and the exit code that tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// Printed on stderr after `Error: `; `None` when all has been said.
    pub message: Option<String>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(code: u8, message: impl ToString) -> Self {
        Failure { code, message: Some(message.to_string()) }
    }

    /// A failure that has been reported already.
    pub fn silent(code: u8) -> Self {
        Failure { code, message: None }
    }
}

/// One run of a command.
pub struct Invocation {
    /// From the root to the command.
    pub path: Vec<&'static Command>,
    /// Its flags and arguments.
    pub matches: Matches,
    /// All arguments of the program, as they were given.
    pub raw: Vec<Vec<u8>>,
    /// Where answers go.
    pub out: Output,
}

/// Runs the program: finds the command, reads its flags, runs it, reports what went wrong. Returns the exit code.
pub async fn run(root: &'static Command, args: Vec<Vec<u8>>, out: Output) -> u8 {
    let found = match find(root, &args) {
        Ok(found) => found,
        Err(message) => {
            eprint!("Error: {message}\nRun '{} --help' for usage.\n", root.name);
            return 1;
        }
    };
    let flags: Vec<_> = flags_of(&found.path).collect();
    let matches = match parse(&flags, &found.args) {
        Ok(matches) => matches,
        Err(error) => {
            eprint!("Error: {}\n{}\n", error.0, usage_text(&found.path));
            return 1;
        }
    };
    let handler = found.command().run.filter(|_| !matches.bool(&HELP));
    let Some(handler) = handler else {
        out.write(help_text(&found.path).as_bytes());
        return out.finish(0);
    };
    let mut invocation = Invocation { path: found.path, matches, raw: args, out };
    let result = handler(&mut invocation).await;
    let code = match result {
        Ok(()) => 0,
        Err(failure) => {
            // What was printed before the failure comes out before its message.
            invocation.out.flush();
            if let Some(message) = failure.message {
                let _ = writeln!(std::io::stderr(), "Error: {message}");
            }
            failure.code
        }
    };
    invocation.out.finish(code)
}

/// The `help` command: shows the help of the command that its arguments name.
pub(crate) async fn show_help(invocation: &mut Invocation) -> Result<(), Failure> {
    let root = invocation.path[0];
    match find(root, &invocation.matches.args) {
        Ok(Found { path, .. }) => invocation.out.write(help_text(&path).as_bytes()),
        Err(_) => {
            let topics: Vec<_> = invocation.matches.args.iter().map(|arg| back_quote(arg)).collect();
            eprint!("Unknown help topic [{}]\n{}", topics.join(" "), usage_text(&[root]));
        }
    }
    Ok(())
}

fn back_quote(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains('`') && !text.chars().any(char::is_control) => format!("`{text}`"),
        _ => quote(text),
    }
}

impl Invocation {
    /// The command's full name.
    pub fn name(&self) -> String {
        full_name(&self.path)
    }

    /// The command.
    pub fn command(&self) -> &'static Command {
        self.path[self.path.len() - 1]
    }
}
