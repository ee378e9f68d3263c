//! `cargo xtask bench`: one load, several servers, side by side.
//!
//! Every round starts each server afresh, in turn (A B A B ...), so that a machine that slows down slows all of
//! them down. What is printed is the median over the rounds; the first server named is what the others are
//! compared with. CPU time and memory come from `/proc` and cover the measured part only, not its preparation.

mod drive;
pub(crate) mod paced;
mod report;
mod sample;
mod scenario;
pub(crate) mod target;

use crate::{build, command, compat};
use anyhow::{Context, Result, bail};
use clap::Args;
use report::Report;
use scenario::Scenario;
use std::{env, path::PathBuf};
use target::{Source, Target};

#[derive(Args)]
pub(crate) struct Options {
    /// A server to start, as NAME=PROGRAM; may be given several times. Without any `--server` or `--endpoint`:
    /// the official release from PyPI, and ours.
    #[arg(long, value_name = "NAME=PROGRAM")]
    server: Vec<String>,
    /// A server that runs already, as NAME=HOST:PORT or NAME=HOST:PORT,PID (with its process id its CPU time
    /// and memory are measured too). Its data grows.
    #[arg(long, value_name = "NAME=HOST:PORT[,PID]")]
    endpoint: Vec<String>,
    /// More flags for a server to start, as NAME=FLAG; may be given several times.
    #[arg(long, value_name = "NAME=FLAG", allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// Scenarios to run, comma-separated; all by default.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// How often each server is started.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Multiplies the number of requests of each scenario.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder for the servers' data; a temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Also writes the figures here, tab-separated.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) {
        return run_optimised();
    }
    let sources = sources(options)?;
    let all = Scenario::all();
    let scenarios = if options.scenario.is_empty() { &all } else { &options.scenario };
    if !(options.scale > 0.0 && options.scale.is_finite()) {
        bail!("--scale must be a positive number");
    }
    let mut report = Report::new(sources.iter().map(|source| source.name.clone()).collect());
    for round in 1..=options.rounds.max(1) {
        for source in &sources {
            let target = Target::open(source, options.dir.as_deref())?;
            for scenario in scenarios {
                let sample = scenario
                    .run(&target, options.threads.max(1), options.scale)
                    .with_context(|| format!("{scenario} on {}{}", source.name, target.log_tail()))?;
                eprintln!("round {round}  {:<10} {scenario:<16} {sample}", source.name);
                report.add(&source.name, *scenario, sample);
            }
        }
    }
    print!("{report}");
    if let Some(path) = &options.out {
        std::fs::write(path, report.to_tsv()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Runs this very task again, built for release: a load generator that is slower than the server would measure itself.
pub(crate) fn run_optimised() -> Result<()> {
    let mut optimised = command::cargo(&["run", "--quiet", "--release", "--package", "xtask", "--"]);
    command::run(optimised.args(env::args_os().skip(1)))
}

/// The servers that were named, or the official one and ours.
fn sources(options: &Options) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for named in &options.server {
        let (name, program) = named.split_once('=').context("--server wants NAME=PROGRAM")?;
        sources.push(Source::program(name, program));
    }
    for named in &options.endpoint {
        let (name, place) = named.split_once('=').context("--endpoint wants NAME=HOST:PORT")?;
        let (address, pid) = match place.split_once(',') {
            Some((address, pid)) => (address, Some(pid.parse().context("the process id is no number")?)),
            None => (place, None),
        };
        sources.push(Source::endpoint(name, address, pid));
    }
    if sources.is_empty() {
        sources.push(Source::program("official", compat::official()?.join("etcd")));
        sources.push(Source::program("oxetcd", build::release()?.join("etcd")));
    }
    for named in &options.server_arg {
        let (name, flag) = named.split_once('=').context("--server-arg wants NAME=FLAG")?;
        let source = sources.iter_mut().find(|source| source.name == name);
        source.with_context(|| format!("no server is named {name}"))?.extra.push(flag.to_owned());
    }
    Ok(sources)
}
