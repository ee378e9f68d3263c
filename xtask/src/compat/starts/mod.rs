//! How `etcd` starts, or does not: flags, environment and configuration files, the official program's way and ours.
//!
//! Each line of `xtask/compat/starts.cases` is one start. Both programs get the same flags, variables and file, in an empty folder and at
//! addresses of their own. What is compared is how a start ends: refused, with which code and which words; or serving, with
//! which settings in force, which members, files and answers. A difference that is meant carries its reason in its line.

mod case;
mod ending;
mod probe;
mod run;

use super::column::Version;
use crate::paths;
use anyhow::{Context, Result, bail, ensure};
use case::Case;
use ending::Ending;
use std::{
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Starts at once. Each is one process for a second at most, and waits for its disk most of that.
const JOBS: usize = 4;

/// Compares the programs in two folders, case by case. `only` picks lines that contain it.
pub(super) fn compare(official: &Path, ours: &Path, only: &str) -> Result<()> {
    let version = Version::of_server(official)?;
    let cases: Vec<Case> = cases()?.into_iter().filter(|case| case.text.contains(only)).collect();
    ensure!(!cases.is_empty(), "no start contains {only:?}");
    // They are run in other folders than this one.
    let programs = [fs::canonicalize(official.join("etcd"))?, fs::canonicalize(ours.join("etcd"))?];
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { return };
            let [official, ours] = &programs;
            let pair = run::run(official, case, 2 * at)
                .and_then(|official| Ok((official, run::run(ours, case, 2 * at + 1)?)))
                .with_context(|| case.text.clone());
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, pair));
        }
    };
    thread::scope(|scope| (0..JOBS).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    report(&cases, done.into_iter().map(|(_, pair)| pair), version)
}

fn report(
    cases: &[Case],
    pairs: impl Iterator<Item = Result<(Ending, Ending)>>,
    version: Version,
) -> Result<()> {
    let (mut served, mut equal, mut explained, mut failed) = (0, 0, 0, 0);
    for (case, pair) in cases.iter().zip(pairs) {
        let (differences, reason) = match &pair {
            Ok((official, ours)) => {
                served += usize::from(official.serves());
                (official.differences(ours), case.reason(version, official, ours))
            }
            Err(error) => (vec![format!("{error:#}")], None),
        };
        if differences.is_empty() {
            equal += 1;
            continue;
        }
        match reason {
            Some(reason) => {
                explained += 1;
                println!("\nstarts: {}\n    differs because {reason}", case.text);
            }
            None => {
                failed += 1;
                println!("\nstarts:{}: {}\n    {}", case.line, case.text, differences.join("\n    "));
            }
        }
    }
    println!(
        "\n{} starts ({served} serve): {equal} equal, {explained} differ for a reason, {failed} differ without one",
        cases.len()
    );
    if failed > 0 {
        bail!("there are starts that differ without a reason");
    }
    Ok(())
}

fn cases() -> Result<Vec<Case>> {
    let path = paths::root().join("xtask/compat/starts.cases");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, at)| Case::parse(line, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_cases_can_be_read_are_many_and_differ() {
        let cases = cases().unwrap();
        let texts: HashSet<&str> = cases.iter().map(|case| case.text.as_str()).collect();
        assert!(cases.len() >= 150, "{}", cases.len());
        assert_eq!(texts.len(), cases.len());
    }
}
