//! What a shell can offer for the word that is being typed.

use super::{
    Command, Flag,
    find::{find, flags_of},
};

/// Words that can stand where the last of `words` stands, each with a line about it. No word means that the shell may
/// offer files.
pub fn complete(root: &'static Command, words: &[Vec<u8>]) -> Vec<(String, &'static str)> {
    let Some((typed, before)) = words.split_last() else { return Vec::new() };
    let Ok(found) = find(root, before) else { return Vec::new() };
    let flags: Vec<&'static Flag> = flags_of(&found.path).collect();
    // PowerShell drops words that are empty; its script writes a pair of quotes instead.
    let typed = String::from_utf8_lossy(typed.strip_prefix(b"\"\"").unwrap_or(typed));
    let starting = |word: &String| word.starts_with(&*typed);
    if before.iter().any(|word| word == b"--") {
        return Vec::new();
    }
    if let Some(flag) = before.last().and_then(|word| waiting_for_value(&flags, word)) {
        return choices("", flag.choices).filter(|(word, _)| starting(word)).collect();
    }
    if let Some((name, _)) = typed.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
        let choices_of = flags.iter().find(|flag| flag.name == name).map_or(&[][..], |flag| flag.choices);
        return choices(&format!("--{name}="), choices_of).filter(|(word, _)| starting(word)).collect();
    }
    if typed.starts_with('-') {
        let words = flags.iter().map(|flag| (format!("--{}", flag.name), flag.help));
        return words.filter(|(word, _)| starting(word)).collect();
    }
    let command = found.command();
    let commands = command.commands.iter().map(|command| (command.name.to_owned(), command.about));
    commands.chain(choices("", command.choices)).filter(|(word, _)| starting(word)).collect()
}

fn choices(before: &str, choices: &'static [&'static str]) -> impl Iterator<Item = (String, &'static str)> {
    choices.iter().map(move |choice| (format!("{before}{choice}"), ""))
}

/// The flag whose value comes next, if the word before is such a flag.
fn waiting_for_value(flags: &[&'static Flag], word: &[u8]) -> Option<&'static Flag> {
    let named = |flag: &&&'static Flag| match word {
        [b'-', b'-', name @ ..] => flag.name.as_bytes() == name,
        [b'-', short] => flag.short == Some(char::from(*short)),
        _ => false,
    };
    flags.iter().find(named).copied().filter(|flag| flag.takes_next())
}

#[cfg(test)]
mod tests {
    use super::complete;
    use crate::ctl::ETCDCTL;

    fn offered(line: &[&str]) -> Vec<String> {
        let words: Vec<_> = line.iter().map(|word| word.as_bytes().to_vec()).collect();
        let mut words: Vec<_> = complete(&ETCDCTL, &words).into_iter().map(|(word, _)| word).collect();
        words.sort();
        words
    }

    #[test]
    fn offers_what_can_stand_there() {
        assert_eq!(offered(&["ge"]), ["get"]);
        assert_eq!(offered(&["lease", "re"]), ["revoke"]);
        assert_eq!(offered(&["--hex", "lease", "k"]), ["keep-alive"]);
        assert_eq!(offered(&["get", "--pre"]), ["--prefix"]);
        assert_eq!(offered(&["get", "key", "--write-"]), ["--write-out"]);
        assert_eq!(offered(&["get", "--consistency", ""]), ["l", "s"]);
        assert_eq!(offered(&["get", "--order=D"]), ["--order=DESCEND"]);
        assert_eq!(offered(&["-w", "j"]), ["json"]);
        assert_eq!(offered(&["completion", "z"]), ["zsh"]);
        assert_eq!(offered(&["alarm", "\"\""]), offered(&["alarm", ""]));
        assert!(offered(&["get", "k"]).is_empty() && offered(&["get", "--", "--pre"]).is_empty());
    }
}
