//! docs/commands.md, held to the commands and flags that there are.
//!
//! In that file a heading names a command and the rows below it that begin with a flag name its flags. `cargo xtask compat
//! --coverage` takes its list of commands and flags from there, so that it need not know this crate.

use crate::{
    args::{Command, Flag},
    ctl::ETCDCTL,
    utl::ETCDUTL,
    v2ctl::ETCDCTL2,
};
use std::{collections::BTreeSet, fs};

/// The names in a row: `--flag`, and `-f` if it has a short form.
fn row(flag: &Flag) -> String {
    let short = flag.short.map(|short| format!(", `-{short}`")).unwrap_or_default();
    format!("`--{}`{short}", flag.name)
}

/// `name` is the command's own, with those above it.
fn walk(name: &str, command: &Command, found: &mut BTreeSet<(String, String)>) {
    found.insert((name.to_owned(), String::new()));
    for flag in command.flags.iter().chain(command.shared_flags) {
        found.insert((name.to_owned(), row(flag)));
    }
    for child in command.commands {
        walk(&format!("{name} {}", child.name), child, found);
    }
}

fn documented(text: &str, root: &str) -> BTreeSet<(String, String)> {
    let (mut found, mut heading) = (BTreeSet::new(), String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('#') {
            name.trim_start_matches(['#', ' ']).clone_into(&mut heading);
            found.insert((heading.clone(), String::new()));
        } else if let Some(row) = line.strip_prefix("| ").filter(|row| row.starts_with("`--")) {
            let names = row.split(" |").next().unwrap_or_default();
            found.insert((heading.clone(), names.to_owned()));
        }
    }
    found.retain(|(command, _)| command.split(' ').next() == Some(root));
    found
}

#[test]
fn the_documentation_names_every_command_and_flag_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
    let text = fs::read_to_string(path).expect("docs/commands.md can be read");
    // Two programs are called etcdctl: with ETCDCTL_API=2 it is another one.
    for (name, root) in [("etcdctl", &ETCDCTL), ("etcdutl", &ETCDUTL), ("etcdctl2", &ETCDCTL2)] {
        let mut real = BTreeSet::new();
        walk(name, root, &mut real);
        let documented = documented(&text, name);
        let missing: Vec<_> = real.difference(&documented).collect();
        let too_many: Vec<_> = documented.difference(&real).collect();
        assert!(
            missing.is_empty() && too_many.is_empty(),
            "missing: {missing:#?}\nwithout a counterpart: {too_many:#?}"
        );
    }
}
