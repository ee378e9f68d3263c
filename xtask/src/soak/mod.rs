//! `cargo xtask soak`: one member at full load for minutes, with TLS and users.
//!
//! Nothing may fail, the memory must be flat after a while, and at the end the member must have counted exactly what was
//! sent to it and what came back.

mod load;
mod verdict;

use crate::{
    build,
    scrape::{self, Scrape},
    secured::Secured,
};
use anyhow::{Result, bail};
use clap::Args;
use load::Sent;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// After how long memory must be flat; at most half of the time.
    #[arg(long, default_value_t = 2.0)]
    settle_minutes: f64,
    /// Tasks that send one request after the other.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// The program to start; ours, built for release, by default.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => build::release()?.join("etcd"),
    };
    // Compactions keep the history short; the quota is out of the way.
    let server = Secured::start(&program, &["--quota-backend-bytes=8589934592"])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(soak(options, &server));
    let failures = match report {
        Ok(failures) => failures,
        Err(error) => vec![format!("{error:#}")],
    };
    if failures.is_empty() {
        println!("nothing failed, memory was flat, and everything was counted");
        return Ok(());
    }
    eprintln!("the server's log ends with:\n{}", server.log_tail());
    bail!("{}", failures.join("\n"))
}

/// Sends for as long as is asked; answers with what was not as it should be.
async fn soak(options: &Options, server: &Secured) -> Result<Vec<String>> {
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let settled = Duration::from_secs_f64(options.settle_minutes * 60.0).min(length / 2);
    let users = load::prepare(server).await?;
    let before = Scrape::of(server.metrics())?;
    let (over, sent) = (CancellationToken::new(), Arc::new(Sent::default()));
    let running = load::start(users, options.clients, &over, &sent);
    let began = Instant::now();
    let mut memory = Vec::new();
    while began.elapsed() < length && sent.first_failure().is_none() {
        tokio::time::sleep(LOOK_EVERY.min(length)).await;
        let now = scrape::memory(server.pid())?;
        memory.push((began.elapsed(), now));
        println!(
            "{:>6.0} s  {:>7} KiB, {} anonymous  {}",
            began.elapsed().as_secs_f64(),
            now.resident_kib,
            now.anonymous_kib,
            sent.line()
        );
    }
    over.cancel();
    for task in running {
        task.await?;
    }
    let after = Scrape::of(server.metrics())?;
    let mut failures: Vec<String> = sent.first_failure().into_iter().collect();
    failures.extend(verdict::memory(&memory, settled));
    failures.extend(verdict::counts(&before, &after, &sent));
    Ok(failures)
}
