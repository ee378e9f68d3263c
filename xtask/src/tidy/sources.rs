//! What every source file must look like.

use super::{ratchet, tables::Cores};
use anyhow::{Context, Result, ensure};
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// A file of more lines than this is probably several things.
pub(crate) const MAX_LINES: usize = 400;
/// A function of more lines than this does not fit on a screen.
const MAX_FUNCTION_LINES: usize = 70;
/// What a core must not name: threads, clocks, files and sockets belong to whoever drives it.
const OUTSIDE: [&str; 6] =
    ["std::thread", "std::net", "std::fs", "Instant::now", "SystemTime::now", "tokio::"];

/// Words that mean unfinished work. Taken apart here, or this file would break its own rule.
const UNFINISHED: [&str; 4] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("TO", "DO")];

/// Rust files that git knows or would add, relative to the root.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", "*.rs"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("cannot run git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A file that was deleted but not yet committed is still listed.
    Ok(text.lines().filter(|file| root.join(file).exists()).map(str::to_owned).collect())
}

/// Checks every file.
pub(crate) fn check(root: &Path, cores: &Cores) -> Result<Vec<String>> {
    let limits = ratchet::read(root)?;
    let mut complaints = Vec::new();
    let files = files(root)?;
    for file in &files {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        complaints.extend(check_file(file, &text, &limits));
        if is_core(file, cores) {
            complaints.extend(check_core(file, &text));
        }
    }
    let gone = limits.keys().filter(|path| !files.contains(path));
    complaints.extend(gone.map(|path| format!("xtask/ratchet.txt names {path}, which is gone")));
    Ok(complaints)
}

fn check_file(file: &str, text: &str, limits: &BTreeMap<String, usize>) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push(format!("{file}:1: a file opens with a //! header that says what it is about"));
    }
    let lines = text.lines().count();
    match limits.get(file) {
        None if lines > MAX_LINES => {
            complaints.push(format!("{file}: {lines} lines, the limit is {MAX_LINES}: is it several things?"));
        }
        Some(limit) if lines > *limit => complaints.push(format!("{file}: grew to {lines} lines from {limit}")),
        Some(limit) if lines < *limit => complaints.push(format!(
            "{file}: shrank to {lines} lines from {limit}, well done; `cargo xtask tidy --update` keeps it there"
        )),
        _ => {}
    }
    for (number, lines) in long_functions(text) {
        complaints
            .push(format!("{file}:{number}: a function of {lines} lines, the limit is {MAX_FUNCTION_LINES}"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            complaints.push(format!("{file}:{number}: {word} means unfinished work"));
        }
    }
    complaints
}

/// Whether `file` is source of a core, and not one of its exceptions.
fn is_core(file: &str, cores: &Cores) -> bool {
    let below = |dir: &str| file.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    cores.iter().any(|(core, exceptions)| {
        below(&format!("{core}/src")) && !exceptions.iter().any(|path| path == file || below(path))
    })
}

fn check_core(file: &str, text: &str) -> Vec<String> {
    let code = (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = code.filter_map(|(number, line)| {
        let word = OUTSIDE.iter().find(|word| line.contains(**word))?;
        Some(format!("{file}:{number}: a core does no I/O and reads no clock, but this names {word}"))
    });
    named.collect()
}

/// Functions that are too long: where they begin, and their lines. Relies on rustfmt's layout: a function ends
/// at the first closing brace that is indented as the function is.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !begins_function(line.trim_start()) {
            continue;
        }
        let opens = lines[at..].iter().position(|line| line.ends_with(['{', ';', '}']));
        let Some(body) = opens.map(|offset| at + offset).filter(|body| lines[*body].ends_with('{')) else {
            continue;
        };
        let closes = |line: &&str| line.len() == indent + 1 && line.ends_with('}');
        let end = lines[body..].iter().position(closes).map_or(lines.len(), |offset| body + offset);
        if end - at + 1 > MAX_FUNCTION_LINES {
            found.push((at + 1, end - at + 1));
        }
    }
    found
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.find(|word| !is_qualifier(word)) == Some("fn")
}

fn is_qualifier(word: &str) -> bool {
    word.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_missing_headers_stubs_and_growth() {
        let limits = BTreeMap::from([("big.rs".to_owned(), 500)]);
        let count = |file: &str, text: &str| check_file(file, text, &limits).len();
        let lines = |n: usize| "//! x\n".repeat(n);
        assert_eq!(count("a.rs", "//! x\nfn a() {}\n"), 0);
        assert_eq!(count("a.rs", "fn a() {}\n"), 1);
        assert_eq!(count("a.rs", &format!("//! x\n{}\n", UNFINISHED[0])), 1);
        assert_eq!((count("a.rs", &lines(400)), count("a.rs", &lines(401))), (0, 1));
        assert_eq!((count("big.rs", &lines(500)), count("big.rs", &lines(501))), (0, 1));
        assert_eq!(count("big.rs", &lines(450)), 1);
    }
    #[test]
    fn finds_long_functions() {
        let function = |lines: usize| {
            format!(
                "    pub(crate) async fn a(\n        x: u8,\n    ) {{\n{}    }}\n",
                "        x;\n".repeat(lines)
            )
        };
        assert!(long_functions(&function(66)).is_empty());
        assert_eq!(long_functions(&format!("//! x\n{}", function(67))), [(2, 71)]);
        assert!(long_functions(&format!("fn a();\nfn b() {{}}\n{}", "x;\n".repeat(100))).is_empty());
    }

    #[test]
    fn finds_clocks_and_threads_in_cores() {
        let cores = Cores::from([("core".to_owned(), ["core/src/disk/os.rs".to_owned()].into())]);
        assert!(is_core("core/src/a.rs", &cores) && !is_core("core/src/disk/os.rs", &cores));
        assert!(!is_core("core/tests/a.rs", &cores) && !is_core("core2/src/a.rs", &cores));
        assert_eq!(check_core("a.rs", "// Instant::now\nlet x = Instant::now();\n").len(), 1);
    }
}
