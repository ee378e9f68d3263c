//! `check perf`: a minute of writes at a given rate.

use super::{
    AUTO_COMPACT, AUTO_DEFRAG, CLEANUP_TIMEOUT, Check, LOAD, Load, load::Writers, report_errors, stats::Stats,
};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::Session,
    exit, progress,
};
use indicatif::ProgressBar;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

static PREFIX: Flag = Flag::text("prefix", "/etcdctl-check-perf/", "what the keys of the check start with");

pub(super) static PERF: Command = Command {
    usage: "[options]",
    flags: &[&LOAD, &PREFIX, &AUTO_COMPACT, &AUTO_DEFRAG],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("perf", "Checks whether a cluster writes fast enough")
};

/// How long the writes go on.
const DURATION: Duration = Duration::from_secs(60);
/// The share of the asked-for rate that must be reached.
const ENOUGH: f64 = 0.9;
const SLOWEST_S: f64 = 0.5;
const DEVIATION_S: f64 = 0.1;
const KEY_BYTES: usize = 256;
const VALUE_BYTES: usize = 1024;

impl Load {
    /// Writes a second.
    fn rate(self) -> u32 {
        match self {
            Load::Small => 150,
            Load::Medium => 1000,
            Load::Large => 8000,
            Load::ExtraLarge => 15_000,
        }
    }
}

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let mut check = Check::begin(invocation, &PREFIX, "'").await?;
    let bar = progress::steps(DURATION.as_secs());
    let rate = check.load.rate();
    let written =
        check.write((KEY_BYTES, VALUE_BYTES), || {}, async |writers| pace(writers, rate, &bar).await);
    let (stats, took) = written.await?;
    bar.finish();

    let deleted = check.delete_all(&check.client.with_timeout(CLEANUP_TIMEOUT)).await;
    if let Err(error) = &deleted {
        let message = format_args!("FAIL: Cleanup failed during key deletion: ERROR({error})");
        check.session.out.line(message);
    }
    check.clean_up(deleted.ok()).await?;
    verdict(&stats, took, check.load, &check.session)
}

/// Lets writes in at a steady rate, until the time is up.
async fn pace(writers: &Writers, rate: u32, bar: &ProgressBar) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    // The clock of the runtime is coarser than the steps of a large load: what one tick misses the next makes up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let writes = async {
        while start.elapsed() < DURATION {
            ticks.tick().await;
            writers.write_one().await;
            bar.set_position(start.elapsed().as_secs());
        }
    };
    let _ = tokio::time::timeout(DURATION, writes).await;
}

fn verdict(stats: &Stats, took: Duration, load: Load, session: &Session) -> Result<(), Failure> {
    let out = &session.out;
    let mut passed = !report_errors(stats, out);
    let rate = stats.rate(took);
    let shown = rate.floor() + 1.0;
    if rate / f64::from(load.rate()) <= ENOUGH {
        out.line(format_args!("FAIL: Throughput too low: {shown:.0} writes/s"));
        passed = false;
    } else {
        out.line(format_args!("PASS: Throughput is {shown:.0} writes/s"));
    }
    let slowest = stats.slowest_s();
    if slowest > SLOWEST_S {
        out.line(format_args!("Slowest request took too long: {slowest:.6}s"));
        passed = false;
    } else {
        out.line(format_args!("PASS: Slowest request took {slowest:.6}s"));
    }
    let deviation = stats.deviation_s();
    if deviation > DEVIATION_S {
        out.line(format_args!("Stddev too high: {deviation:.6}s"));
        passed = false;
    } else {
        out.line(format_args!("PASS: Stddev is {deviation:.6}s"));
    }
    out.line(if passed { "PASS" } else { "FAIL" });
    if passed { Ok(()) } else { Err(Failure::silent(exit::ERROR)) }
}
