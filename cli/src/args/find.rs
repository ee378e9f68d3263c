//! Which command an argument list means.

use super::{Command, Flag};
use crate::go::quote::quote;

/// The way from the root to a command, and the arguments without the words of that way.
#[derive(Debug)]
pub struct Found {
    /// The root first, the command last.
    pub path: Vec<&'static Command>,
    /// What is left: flags, their values, positional arguments.
    pub args: Vec<Vec<u8>>,
}

impl Found {
    /// The command itself.
    pub fn command(&self) -> &'static Command {
        self.path[self.path.len() - 1]
    }

    /// Its name with those above it: `etcdctl lease grant`.
    pub fn full_name(&self) -> String {
        full_name(&self.path)
    }
}

pub(super) fn full_name(path: &[&'static Command]) -> String {
    path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

/// Flags that a command understands: its own, those of all above it, and `-h`.
pub(super) fn flags_of<'a>(path: &'a [&'static Command]) -> impl Iterator<Item = &'static Flag> + 'a {
    let own = path.last().into_iter().flat_map(|command| command.flags);
    let shared = path.iter().rev().flat_map(|command| command.shared_flags);
    own.chain(shared).copied().chain([&super::parse::HELP])
}

/// Finds the command.
///
/// # Errors
/// When the root has no such command: the message, which may suggest others.
pub fn find(root: &'static Command, args: &[Vec<u8>]) -> Result<Found, String> {
    let mut found = Found { path: vec![root], args: args.to_vec() };
    loop {
        let command = found.command();
        let Some(at) = words(&found.path, &found.args).next() else { break };
        let word = found.args[at].clone();
        let Some(next) = command.commands.iter().find(|c| c.name.as_bytes() == word).copied().or_else(|| {
            // Any prefix will do, if only one command has it.
            let mut matches = command.commands.iter().filter(|c| c.name.as_bytes().starts_with(&word));
            matches.next().filter(|_| matches.next().is_none()).copied()
        }) else {
            break;
        };
        found.args.remove(at);
        found.path.push(next);
    }
    if let ([root], Some(at)) = (&found.path[..], words(&found.path, &found.args).next()) {
        let word = &found.args[at];
        return Err(format!(
            "unknown command {} for {}{}",
            quote(word),
            quote(root.name),
            suggestions(root, word)
        ));
    }
    Ok(found)
}

/// Indices of the arguments that are neither flags nor their values, as far as flags are known here. A flag that is
/// not known is taken to have a value.
fn words<'a>(path: &'a [&'static Command], args: &'a [Vec<u8>]) -> impl Iterator<Item = usize> + 'a {
    let takes_next = |name: &[u8]| {
        let known = flags_of(path).find(|flag| flag.name.as_bytes() == name);
        known.is_none_or(Flag::takes_next)
    };
    let short_takes_next = |name: u8| {
        let known = flags_of(path).find(|flag| flag.short == Some(char::from(name)));
        known.is_none_or(Flag::takes_next)
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(arg) = args.get(at) {
            at += 1;
            match arg.as_slice() {
                b"--" => at = args.len(),
                [b'-', b'-', name @ ..] => at += usize::from(!name.contains(&b'=') && takes_next(name)),
                [b'-', name] => at += usize::from(*name != b'=' && short_takes_next(*name)),
                [b'-', ..] | [] => {}
                _ => return Some(at - 1),
            }
        }
        None
    })
}

fn suggestions(command: &Command, word: &[u8]) -> String {
    let typed = word.to_ascii_lowercase();
    let near =
        |c: &&&Command| c.name.as_bytes().starts_with(&typed) || distance(&typed, c.name.as_bytes()) <= 2;
    let names: Vec<_> = command.commands.iter().filter(near).map(|c| format!("\t{}\n", c.name)).collect();
    if names.is_empty() { String::new() } else { format!("\n\nDid you mean this?\n{}", names.concat()) }
}

/// Levenshtein's distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let best = if x == y { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn counts_edits() {
        assert_eq!((distance(b"gett", b"get"), distance(b"e", b"del"), distance(b"", b"abc")), (1, 2, 3));
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
