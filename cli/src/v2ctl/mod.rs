//! etcdctl as it is with `ETCDCTL_API=2`: the commands of etcd 3.5 for the key tree of version 2.
//!
//! It is another program by the same name: another command line ([`line`]), other output formats (simple, extended, json),
//! HTTP in place of gRPC (`cluster`), one file per group of commands. What it prints, where, and the exit codes are those of
//! etcdctl 3.5, oddities included.

mod cluster;
mod commands;
mod global;
mod help;
mod keys;
mod line;
mod members;
mod roles;
mod show;
mod urls;
mod users;

pub(crate) use cluster::Cluster;
pub(crate) use commands::{MemberHealth, judge};
pub(crate) use keys::{Get, Keys, Node};

use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::VERSION_NUMBER,
    exit,
    print::Output,
};

/// The program.
pub static ETCDCTL2: Command = Command {
    shared_flags: global::ALL,
    commands: commands::ALL,
    ..Command::new("etcdctl", "A simple command line client for etcd.")
};

/// The exit code for a word that is no command.
const NO_SUCH_COMMAND: u8 = 3;

/// Runs the program; the exit code.
pub async fn run(args: Vec<Vec<u8>>, out: Output) -> u8 {
    let result = begin(args, &out).await;
    let code = match result {
        Ok(()) => 0,
        Err(failure) => {
            // What was printed before the failure comes out before its message.
            out.flush();
            if let Some(message) = failure.message {
                eprintln!("{message}");
            }
            failure.code
        }
    };
    out.finish(code)
}

async fn begin(args: Vec<Vec<u8>>, out: &Output) -> Result<(), Failure> {
    let flags = with_help(global::ALL.iter().chain([&&global::VERSION]));
    let globals = line::parse(&flags, &args).map_err(|problem| {
        out.write(format!("Incorrect Usage. {problem}\n\n{}", help::text(&[&ETCDCTL2])).as_bytes());
        Failure::new(exit::ERROR, problem)
    })?;
    if globals.bool(&global::VERSION) {
        out.line(format_args!("etcdctl version: {VERSION_NUMBER}"));
        out.line("API version: 2");
        return Ok(());
    }
    let mut path: Vec<&'static Command> = vec![&ETCDCTL2];
    let mut rest = globals.args.clone();
    let mut matches = globals;
    let mut asks_for_help = matches.bool(&line::HELP);
    while !path[path.len() - 1].commands.is_empty() && !asks_for_help {
        let command = path[path.len() - 1];
        if path.len() > 1 {
            // A group has no flags but this one.
            let group =
                line::parse(&[&line::HELP], &rest).map_err(|problem| wrong_usage(&path, problem, out))?;
            asks_for_help = group.bool(&line::HELP);
            rest = group.args;
        }
        let Some(word) = rest.first().filter(|_| !asks_for_help) else {
            asks_for_help = true;
            continue;
        };
        if matches!(&word[..], b"help" | b"h") {
            asks_for_help = true;
            rest.remove(0);
            continue;
        }
        path.push(child(command, word)?);
        rest.remove(0);
    }
    if asks_for_help {
        if let (Some(word), command) = (rest.first(), path[path.len() - 1])
            && !command.commands.is_empty()
        {
            path.push(child(command, word)?);
        }
        out.write(help::text(&path).as_bytes());
        return Ok(());
    }
    let command = path[path.len() - 1];
    let flags = with_help(command.flags.iter());
    let own = line::parse(&flags, &line::reorder(&flags, &rest));
    let own = own.map_err(|problem| wrong_usage(&path, problem, out))?;
    if own.bool(&line::HELP) {
        out.write(help::text(&path).as_bytes());
        return Ok(());
    }
    for flag in command.flags.iter().filter(|flag| own.is_set(flag)) {
        matches.set(flag, own.value(flag));
    }
    matches.args = own.args;
    let mut invocation = Invocation { path, matches, raw: args, out: out.clone() };
    match command.run {
        Some(handler) => handler(&mut invocation).await,
        None => Ok(()),
    }
}

fn with_help<'a>(flags: impl Iterator<Item = &'a &'static Flag>) -> Vec<&'static Flag> {
    flags.copied().chain([&line::HELP]).collect()
}

fn child(command: &Command, word: &[u8]) -> Result<&'static Command, Failure> {
    let found = command.commands.iter().find(|child| child.name.as_bytes() == word);
    let message = || format!("No help topic for '{}'", String::from_utf8_lossy(word));
    found.copied().ok_or_else(|| Failure::new(NO_SUCH_COMMAND, message()))
}

fn wrong_usage(path: &[&'static Command], problem: String, out: &Output) -> Failure {
    out.write(format!("Incorrect Usage: {problem}\n\n{}", help::text(path)).as_bytes());
    Failure::new(exit::ERROR, problem)
}

/// A failure of a command for keys.
fn failed(code: u8, problem: impl ToString) -> Failure {
    Failure::new(code, format!("Error:  {}", problem.to_string()))
}
