//! Help texts, in cobra's layout.

use super::{
    Command, Flag, Kind,
    find::{flags_of, full_name},
    parse::HELP,
};
use crate::go::quote::quote;
use std::fmt::Write as _;

/// Names of commands are padded to this width at least.
const MIN_NAME_WIDTH: usize = 11;

/// What `--help` shows.
pub fn help_text(path: &[&'static Command]) -> String {
    let command = path[path.len() - 1];
    let about = if command.long.is_empty() { command.about } else { command.long };
    let mut text = format!("{}\n\n{}", about.trim_end(), usage_text(path));
    let footer = path[0].footer;
    if !footer.is_empty() {
        text.push_str(footer);
        text.push('\n');
    }
    text
}

/// What is shown after an error about flags.
pub fn usage_text(path: &[&'static Command]) -> String {
    let (command, name) = (path[path.len() - 1], full_name(path));
    let mut text = "Usage:".to_owned();
    if command.run.is_some() {
        let space = if command.usage.is_empty() { "" } else { " " };
        let flags = if command.choices.is_empty() { " [flags]" } else { "" };
        let _ = write!(text, "\n  {name}{space}{}{flags}", command.usage);
    }
    if !command.commands.is_empty() {
        let _ = write!(text, "\n  {name} [command]");
    }
    if !command.example.is_empty() {
        let _ = write!(text, "\n\nExamples:\n{}", command.example);
    }
    if !command.commands.is_empty() {
        list_commands(&mut text, command);
    }
    let inherited: Vec<_> = path[..path.len() - 1].iter().filter(|above| !above.hide_shared).collect();
    if path.len() > 1 {
        let own = flags_of(&path[path.len() - 1..]).filter(|flag| flag.name != HELP.name);
        let lines = lines(own.chain([&HELP]), &format!("help for {}", command.name));
        let _ = write!(text, "\n\nFlags:\n{}", lines.trim_end());
        let shared: Vec<_> = inherited.iter().flat_map(|above| above.shared_flags).copied().collect();
        if !shared.is_empty() {
            let _ = write!(text, "\n\nGlobal Flags:\n{}", flag_lines(&shared).trim_end());
        }
    }
    if !command.commands.is_empty() {
        let _ = write!(text, "\n\nUse \"{name} [command] --help\" for more information about a command.");
    }
    text.push('\n');
    text
}

fn list_commands(text: &mut String, command: &Command) {
    let mut children = command.commands.to_vec();
    children.sort_by_key(|child| child.name);
    let width = children.iter().map(|child| child.name.len()).max().unwrap_or(0).max(MIN_NAME_WIDTH);
    let list = |text: &mut String, title: &str, group: Option<super::Group>| {
        let _ = write!(text, "\n\n{title}");
        for child in children.iter().filter(|child| child.group == group) {
            let _ = write!(text, "\n  {:width$} {}", child.name, child.about);
        }
    };
    if command.groups.is_empty() {
        list(text, "Available Commands:", None);
    }
    for group in command.groups {
        list(text, group.0, Some(*group));
    }
}

/// A list of flags with their help, in order of their names.
pub fn flag_lines(flags: &[&'static Flag]) -> String {
    lines(flags.iter().copied(), "")
}

fn lines(flags: impl Iterator<Item = &'static Flag>, help_of_help: &str) -> String {
    let mut flags: Vec<_> = flags.collect();
    flags.sort_by_key(|flag| flag.name);
    let names: Vec<_> = flags.iter().map(|flag| name_column(flag)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (flag, name) in flags.iter().zip(names) {
        let help = if flag.name == HELP.name { help_of_help } else { flag.help };
        let _ = writeln!(text, "{name:width$}   {help}{}", default_note(flag));
    }
    text
}

fn name_column(flag: &Flag) -> String {
    let value = match flag.kind {
        Kind::Bool => "",
        Kind::Text => " string",
        Kind::Int => " int",
        Kind::Uint => " uint",
        Kind::Duration => " duration",
        Kind::List => " strings",
    };
    match flag.short {
        Some(short) => format!("  -{short}, --{}{value}", flag.name),
        None => format!("      --{}{value}", flag.name),
    }
}

fn default_note(flag: &Flag) -> String {
    match (flag.kind, flag.default) {
        (_, "" | "0" | "false" | "0s") if flag.kind != Kind::Text || flag.default.is_empty() => String::new(),
        (Kind::Text, default) => format!(" (default {})", quote(default)),
        (Kind::List, default) => format!(" (default [{default}])"),
        (_, default) => format!(" (default {default})"),
    }
}
