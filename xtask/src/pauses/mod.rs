//! `cargo xtask pauses`: how long requests wait beside work that takes long.
//!
//! A member is filled, and then gets puts and reads at a fixed pace: for a while in peace, for a while beside the work,
//! in turn. What the machine does to requests by itself is in both, so the two are to be compared with each other, in
//! the same sitting only. The load of the machine is printed beside each figure.

mod load;
mod neighbour;
mod report;

use crate::bench::{
    self,
    target::{Source, Target},
};
use crate::build;
use anyhow::{Context, Result};
use clap::Args;
use load::Load;
use neighbour::Neighbour;
use std::{path::PathBuf, time::Duration};

/// Time before the work begins beside requests that flow already.
const LEAD_IN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Options {
    /// What goes on beside the requests.
    beside: Neighbour,
    /// The program to start; ours, built for release, by default.
    #[arg(long)]
    server: Option<PathBuf>,
    /// More flags for it; may be given several times.
    #[arg(long, allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// Keys that are there; by default a million for `defrag` and 100,000 for `scan`.
    #[arg(long)]
    keys: Option<usize>,
    /// Bytes of a value.
    #[arg(long, default_value_t = 1_000)]
    value_bytes: usize,
    /// How many of 100 keys are deleted before.
    #[arg(long, default_value_t = 25)]
    deleted_percent: usize,
    /// Puts a second, and as many reads.
    #[arg(long, default_value_t = 500)]
    per_s: u32,
    /// Length of a part, in seconds.
    #[arg(long, default_value_t = 12.0)]
    seconds: f64,
    /// How often there is a part in peace and a part beside the work.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Folder for the server's data; a temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Options {
    fn keys(&self) -> usize {
        self.keys.unwrap_or(self.beside.usual_keys())
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) && options.server.is_none() {
        // With a program that is there already nothing needs to be built: this pace is no hardship for a generator.
        return bench::run_optimised();
    }
    let program = match &options.server {
        Some(program) => program.clone(),
        None => build::release()?.join("etcd"),
    };
    let mut source = Source::program("ours", program);
    source.extra.clone_from(&options.server_arg);
    let target = Target::open(&source, options.dir.as_deref())?;
    let elsewhere = match options.beside {
        Neighbour::ScanElsewhere => Some(Target::open(&source, options.dir.as_deref())?),
        Neighbour::Defrag | Neighbour::Scan => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime
        .block_on(measure(options, &target, elsewhere.as_ref()))
        .with_context(|| format!("pauses{}", target.log_tail()))
}

/// A server with all the keys there, and those deleted that are to be.
async fn filled(options: &Options, target: &Target) -> Result<Load> {
    let load = Load::new(target, options.keys(), options.value_bytes, options.per_s).await?;
    load.fill().await?;
    load.delete(options.deleted_percent).await?;
    Ok(load)
}

async fn measure(options: &Options, target: &Target, elsewhere: Option<&Target>) -> Result<()> {
    let load = filled(options, target).await?;
    let other = match elsewhere {
        Some(target) => Some(filled(options, target).await?),
        None => None,
    };
    println!(
        "{} keys of {} bytes, {}% of them deleted, {}; {} puts and as many reads a second; load {}",
        options.keys(),
        options.value_bytes,
        options.deleted_percent,
        load.room().await?,
        options.per_s,
        report::machine_load()
    );
    let length = Duration::from_secs_f64(options.seconds);
    let mut all = report::Report::default();
    for _ in 0..options.rounds.max(1) {
        all.add("peace", load.run(length, async |_| Ok(String::new())).await?);
        let work = async |over| {
            tokio::time::sleep(LEAD_IN).await;
            options.beside.work(other.as_ref().unwrap_or(&load), over).await
        };
        all.add(options.beside.name(), load.run(length, work).await?);
    }
    all.sum_up(options.beside.name());
    Ok(())
}
