//! The v2 API: the same requests to the official server and to ours, and the answers side by side.
//!
//! What is sent stands in `xtask/compat/v2/` (see [`script`]), and in one table of what goes with what ([`matrix`]). Each
//! file is sent to fresh servers. Status, headers and bodies have to be the same but for ids, times and addresses
//! ([`normalise`]); there are no differences that are meant.

mod client;
mod matrix;
mod normalise;
mod python_etcd;
mod run;
mod script;

use crate::paths;
use anyhow::{Context, Result, bail};
use script::Script;
use std::{fs, path::Path, thread};

/// All scripts whose name contains `only`.
fn scripts(only: &str) -> Result<Vec<Script>> {
    let dir = paths::root().join("xtask/compat/v2");
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut scripts = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        scripts.push(Script::parse(&name, &fs::read_to_string(&file)?).with_context(|| name.clone())?);
    }
    scripts.push(matrix::script());
    scripts.retain(|script| format!("v2/{}", script.name).contains(only));
    Ok(scripts)
}

/// Sends everything to both servers, and has somebody else's client use ours.
///
/// # Errors
/// When an answer differs, or the client is not served as it expects.
pub(super) fn run(official: &Path, ours: &Path, only: &str) -> Result<()> {
    let (mut requests, mut differences) = (0, 0);
    for script in scripts(only)? {
        let (expected, found) = thread::scope(|scope| {
            let expected = scope.spawn(|| run::run(&script, official, &["--enable-v2"]));
            let found = scope.spawn(|| run::run(&script, ours, &[]));
            (expected.join(), found.join())
        });
        let panicked = |_| anyhow::anyhow!("a thread panicked");
        let expected = expected.map_err(panicked)?.with_context(|| format!("{}, official", script.name))?;
        let found = found.map_err(panicked)?.with_context(|| format!("{}, ours", script.name))?;
        eprintln!("ran v2/{}: {} requests", script.name, expected.len());
        requests += expected.len();
        for (expected, found) in expected.iter().zip(&found).filter(|(expected, found)| expected != found) {
            differences += 1;
            println!("v2/{} line {}: {}", script.name, expected.line, expected.what);
            println!("  official:\n{}  ours:\n{}", expected.shown(), found.shown());
        }
        if expected.len() != found.len() {
            bail!("v2/{}: {} answers of {}", script.name, found.len(), expected.len());
        }
    }
    println!("v2: {requests} requests compared, {differences} answers differ");
    if differences > 0 {
        bail!("answers of the v2 API differ");
    }
    if "v2/python-etcd".contains(only) { python_etcd::run(ours) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_can_be_read_and_are_many() {
        let scripts = scripts("").unwrap();
        assert!(scripts.iter().map(Script::requests).sum::<usize>() >= 1500);
        assert!(scripts.iter().any(|script| script.name == "keys"));
    }
}
