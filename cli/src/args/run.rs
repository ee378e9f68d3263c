//! From arguments to an exit code.

use super::{
    Command, Matches, complete,
    find::{Found, find, flags_of, full_name},
    help::{help_text, usage_text},
    parse::{HELP, parse},
};
use crate::{go::quote::quote, print::Output};
use std::io::Write as _;

/// The first argument of a shell that asks what could be typed next.
const ASK_FOR_WORDS: &[u8] = b"__complete";
/// The same, of a shell that shows nothing but the words.
const ASK_FOR_BARE_WORDS: &[u8] = b"__completeNoDesc";
/// The last line of the answer: the shell may offer files, or not.
const FILES: &str = ":0";
const NO_FILES: &str = ":4";

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

/// Whether a shell asks what could be typed next; and if so, whether it wants a line about each word, too.
fn asked_for_words(first: &[u8]) -> Option<bool> {
    match first {
        ASK_FOR_WORDS => Some(true),
        ASK_FOR_BARE_WORDS => Some(false),
        _ => None,
    }
}

/// Prints words as etcd's program does, so that its scripts can read them: the last line says what else the shell may offer.
fn offer(words: &[(String, &str)], about: bool, out: &Output) {
    for (word, help) in words {
        if about {
            out.line(format_args!("{word}\t{help}"));
        } else {
            out.line(word);
        }
    }
    out.line(if words.is_empty() { FILES } else { NO_FILES });
}

/// Runs the program: finds the command, reads its flags, runs it, reports what went wrong. Returns the exit code.
pub async fn run(root: &'static Command, args: Vec<Vec<u8>>, out: Output) -> u8 {
    if let Some(about) = args.first().and_then(|first| asked_for_words(first)) {
        offer(&complete(root, &args[1..]), about, &out);
        return out.finish(0);
    }
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
    if let Err(message) =
        check_choice(&found, &matches).or_else(|error| if matches.bool(&HELP) { Ok(()) } else { Err(error) })
    {
        eprint!("Error: {message}\n{}\n", usage_text(&found.path));
        return 1;
    }
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

/// Checks the argument of a command whose argument is one of a few words.
fn check_choice(found: &Found, matches: &Matches) -> Result<(), String> {
    let choices = found.command().choices;
    match &matches.args[..] {
        _ if choices.is_empty() => Ok(()),
        [word] if choices.iter().any(|choice| choice.as_bytes() == word) => Ok(()),
        [word] => Err(format!("invalid argument {} for {}", quote(word), quote(found.full_name()))),
        words => Err(format!("accepts 1 arg(s), received {}", words.len())),
    }
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
