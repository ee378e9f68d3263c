//! `cargo xtask compat --coverage`: is every command and flag compared with the official programs?
//!
//! What there is, docs/commands.md says, which a test of the command line holds to its real tables. What is called, the
//! scripts say. What cannot be compared by a script (locks between terminals, things that no official release has) has
//! tests, which name it in their comments: `covers: etcdctl lock --ttl`.

use super::script::{Call, Script};
use crate::paths;
use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Commands with their flags, by full name: `etcdctl get`.
struct Table(BTreeMap<String, Vec<Names>>);

/// A flag: `--write-out`, and perhaps `-w`.
type Names = Vec<String>;

/// A command, or a flag of it by its long name.
type Item = (String, Option<String>);

impl Table {
    /// Reads docs/commands.md.
    fn read() -> Result<Table> {
        let path = paths::root().join("docs/commands.md");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Table::parse(&text))
    }

    fn parse(text: &str) -> Table {
        let (mut table, mut heading) = (BTreeMap::new(), String::new());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('#') {
                name.trim_start_matches(['#', ' ']).clone_into(&mut heading);
                if heading.starts_with("etcd") {
                    table.insert(heading.clone(), Vec::new());
                }
            } else if let (Some(flags), Some(row)) = (table.get_mut(&heading), line.strip_prefix("| `--")) {
                let names = row.split(" |").next().unwrap_or_default();
                let names = format!("--{names}").replace('`', "");
                flags.push(names.split(", ").map(str::to_owned).collect());
            }
        }
        Table(table)
    }

    fn items(&self) -> BTreeSet<Item> {
        let flags = |(command, flags): (&String, &Vec<Names>)| {
            let own = flags.iter().map(|names| (command.clone(), Some(names[0].clone()))).collect::<Vec<_>>();
            own.into_iter().chain([(command.clone(), None)])
        };
        self.0.iter().flat_map(flags).collect()
    }

    /// What a call of `program` with these words uses.
    fn used(&self, program: &str, call: &Call) -> BTreeSet<Item> {
        let mut path = vec![program.to_owned()];
        for word in call.args.iter().filter(|word| !word.starts_with('-')) {
            match self.below(&path[path.len() - 1], word) {
                Some(next) => path.push(next),
                // Before the first command a word is the value of a flag; behind the last it is an argument.
                None if path.len() == 1 => {}
                None => break,
            }
        }
        let mut used: BTreeSet<Item> = path.iter().map(|command| (command.clone(), None)).collect();
        let variables = call.env.iter().filter_map(|(name, _)| name.strip_prefix("ETCDCTL_"));
        let variables = variables.map(|name| format!("--{}", name.to_lowercase().replace('_', "-")));
        let words = call.args.iter().take_while(|word| *word != "--");
        let words = words.map(|word| word.split('=').next().unwrap_or_default().to_owned());
        for word in words.chain(variables) {
            let owner = path.iter().rev().find_map(|command| {
                let flag = self.0.get(command)?.iter().find(|names| names.contains(&word))?;
                Some((command.clone(), Some(flag[0].clone())))
            });
            used.extend(owner);
        }
        used
    }

    /// The command of this name, or of a unique prefix of it, below another.
    fn below(&self, above: &str, word: &str) -> Option<String> {
        let exact = format!("{above} {word}");
        if self.0.contains_key(&exact) {
            return Some(exact);
        }
        let starting = |name: &&String| name.starts_with(&exact) && !name[above.len() + 1..].contains(' ');
        let mut found = self.0.keys().filter(starting);
        found.next().filter(|_| found.next().is_none()).cloned()
    }
}

/// What is covered where.
pub(super) struct Coverage {
    calls: usize,
    items: usize,
    in_scripts: BTreeSet<Item>,
    in_tests: BTreeSet<Item>,
    nowhere: Vec<Item>,
}

/// Looks at all scripts and tests.
pub(super) fn look(scripts: &[Script]) -> Result<Coverage> {
    let table = Table::read()?;
    let items = table.items();
    let mut calls = BTreeSet::new();
    let mut in_scripts = BTreeSet::new();
    for (program, call) in scripts.iter().flat_map(Script::calls) {
        calls.insert(format!("{program} {:?} {:?} {}", call.env, call.args, call.stdin));
        in_scripts.extend(table.used(program, call));
    }
    let mut in_tests = BTreeSet::new();
    for folder in ["cli/tests", "cli/src", "server/tests", "xtask/src/mixed"] {
        for line in covers(&paths::root().join(folder))? {
            in_tests.extend(claimed(&table, &line)?);
        }
    }
    let covered = |item: &&Item| in_scripts.contains(*item) || in_tests.contains(*item);
    let nowhere = items.iter().filter(|item| !covered(item)).cloned().collect();
    Ok(Coverage { calls: calls.len(), items: items.len(), in_scripts, in_tests, nowhere })
}

/// What a comment says that a test covers; every word of it must mean something.
fn claimed(table: &Table, line: &str) -> Result<BTreeSet<Item>> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let program = words.next().unwrap_or_default();
    let call = Call { args: words.collect(), ..Call::default() };
    let used = table.used(&program, &call);
    let unknown = |word: &&String| {
        let long = |names: &Names| names.contains(*word);
        let flag = table.0.values().flatten().any(long);
        let command = used.iter().any(|(command, _)| command.split(' ').any(|part| part == *word));
        !flag && !command
    };
    match call.args.iter().find(unknown) {
        Some(word) => bail!("a test says that it covers {line:?}, but there is no {word}"),
        None => Ok(used),
    }
}

/// What stands behind `covers:` in the comments below a folder.
fn covers(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(covers(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let lines = text
                .lines()
                .filter_map(|line| line.trim_start_matches(['/', '!', ' ']).strip_prefix("covers: "));
            found.extend(lines.map(str::to_owned));
        }
    }
    Ok(found)
}

impl Coverage {
    /// Whether something is covered by nothing.
    pub(super) fn has_gaps(&self) -> bool {
        !self.nowhere.is_empty()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let only_tests: Vec<_> = self.in_tests.difference(&self.in_scripts).map(show).collect();
        writeln!(out, "{} different calls in the scripts", self.calls)?;
        writeln!(out, "of {} commands and flags", self.items)?;
        writeln!(out, "  {} are in scripts", self.in_scripts.len())?;
        writeln!(out, "  {} in tests only: {}", only_tests.len(), only_tests.join(", "))?;
        let nowhere: Vec<_> = self.nowhere.iter().map(show).collect();
        write!(out, "  {} in neither: {}", nowhere.len(), nowhere.join(", "))
    }
}

fn show((command, flag): &Item) -> String {
    flag.as_ref().map_or_else(|| command.clone(), |flag| format!("{command} {flag}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Commands\n## etcdctl\n| flag | |\n|---|---|\n| `--write-out`, `-w` | |\n| `--hex` | |\n\
                        ### etcdctl lease\n#### etcdctl lease list\n### etcdctl get\n| `--prefix` | |\n";

    fn used(line: &str) -> Vec<String> {
        let script = Script::parse("t", &format!("case c\n$ {line}\n")).unwrap();
        let (program, call) = script.calls().next().unwrap();
        Table::parse(TEXT).used(program, call).iter().map(show).collect()
    }

    #[test]
    fn finds_commands_and_flags_wherever_they_stand() {
        assert_eq!(
            used("-w json get a --prefix"),
            ["etcdctl", "etcdctl --write-out", "etcdctl get", "etcdctl get --prefix"]
        );
        assert_eq!(
            used("ETCDCTL_HEX=1 lea l"),
            ["etcdctl", "etcdctl --hex", "etcdctl lease", "etcdctl lease list"]
        );
        assert_eq!(used("get -- --prefix lease"), ["etcdctl", "etcdctl get"]);
    }

    #[test]
    fn a_claim_must_mean_something() {
        let table = Table::parse(TEXT);
        assert!(claimed(&table, "etcdctl get --prefix").is_ok());
        assert!(claimed(&table, "etcdctl get --suffix").is_err() && claimed(&table, "etcdctl got").is_err());
    }

    #[test]
    fn nothing_is_left_out() {
        let coverage = look(&super::super::scripts("").unwrap()).unwrap();
        assert!(!coverage.has_gaps(), "{coverage}");
    }
}
