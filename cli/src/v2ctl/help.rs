//! Help texts, in the layout that version 2 had.

use super::{global, line};
use crate::args::{Command, Flag, Kind};
use std::fmt::Write as _;

/// What `--help` shows of a command.
pub(super) fn text(path: &[&'static Command]) -> String {
    let command = path[path.len() - 1];
    let name = path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ");
    let mut text = format!("NAME:\n   {name} - {}\n\nUSAGE:\n   {name}", command.about);
    if path.len() == 1 {
        text.push_str(" [global options] command [command options] [arguments...]\n");
    } else if command.commands.is_empty() {
        let _ = writeln!(text, " [command options] {}", command.usage);
    } else {
        text.push_str(" command [command options] [arguments...]\n");
    }
    if !command.long.is_empty() {
        let _ = writeln!(text, "\nDESCRIPTION:\n   {}", command.long);
    }
    let width = command.commands.iter().map(|child| child.name.len()).max().unwrap_or(0);
    if width > 0 {
        text.push_str("\nCOMMANDS:\n");
    }
    for child in command.commands {
        let _ = writeln!(text, "   {:width$}  {}", child.name, child.about);
    }
    let (title, flags) = match path {
        [_] => ("GLOBAL OPTIONS", [global::ALL, &[&line::HELP, &global::VERSION]].concat()),
        _ => ("OPTIONS", [command.flags, &[&line::HELP]].concat()),
    };
    let flags: Vec<(String, &str)> = flags.iter().map(|flag| (names(flag), flag.help)).collect();
    let width = flags.iter().map(|(names, _)| names.len()).max().unwrap_or(0);
    let _ = write!(text, "\n{title}:\n");
    for (names, help) in flags {
        let _ = writeln!(text, "   {names:width$}  {help}");
    }
    text
}

fn names(flag: &Flag) -> String {
    let value = if flag.kind == Kind::Bool { "" } else { " value" };
    match flag.short {
        Some(short) => format!("--{}{value}, -{short}{value}", flag.name),
        None => format!("--{}{value}", flag.name),
    }
}
