//! Development tasks, run as `cargo xtask <task>`.
//!
//! | task | does |
//! |---|---|
//! | `verify` | reads only: formatting, lints, tidy, documentation |
//! | `fix` | formats, and applies what the linter can mend |
//! | `tidy` | holds the house's rules against ARCHITECTURE.md |
//! | `ci` | all of `verify`, then what `cargo test --workspace` leaves out |
//! | `contend` | fifty clients over a lock and an election for a minute, with random kills |
//! | `cluster` | runs members on this machine until Ctrl-C |
//! | `bench` | drives servers with one load, side by side |
//! | `mixed` | runs members of the official etcd and ours in one cluster |
//! | `certs` | makes certificates to try TLS with |
//! | `compat` | runs scripted commands against the official programs and ours |
//! | `pauses` | how long requests wait beside a defragmentation, or beside full scans |
//! | `soak` | keeps a member at full load for minutes, and compares what it counted |

mod bench;
mod build;
mod certs;
mod checks;
mod cluster;
mod command;
mod compat;
mod mixed;
mod paths;
mod pauses;
mod process;
mod scrape;
mod secured;
mod soak;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of oxetcd", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything that a change must pass, `cargo test --workspace` aside.
    Ci(checks::CiOptions),
    /// Check formatting, lints, tidiness and documentation; changes nothing.
    Verify,
    /// Format, and apply what the linter can mend.
    Fix,
    /// Hold the house's rules: allowed arrows, module headers, file sizes, no stubs.
    Tidy(tidy::Options),
    /// Let fifty clients contend for a lock and an election for a minute, with random kills.
    Contend,
    /// Run members on this machine until Ctrl-C, a line per event.
    Cluster(cluster::Options),
    /// Drive servers with one load and print their figures side by side.
    Bench(bench::Options),
    /// Run members of the official etcd and ours in one cluster, under load.
    Mixed(mixed::Options),
    /// Make certificates to try TLS with: good ones, and such as must be refused.
    Certs(certs::Options),
    /// Run scripted commands against the official programs and ours, and compare.
    Compat(compat::Options),
    /// Measure how long requests wait beside a defragmentation, or beside a client that scans everything.
    Pauses(pauses::Options),
    /// Keep a member at full load for minutes, with TLS and users: no error, flat memory, true counts.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ci(options) => checks::ci(&options),
        Task::Verify => checks::verify(),
        Task::Fix => checks::fix(),
        Task::Tidy(options) => tidy::run(&options),
        Task::Contend => checks::contend(),
        Task::Cluster(options) => cluster::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Mixed(options) => mixed::run(&options),
        Task::Certs(options) => certs::run(&options),
        Task::Compat(options) => compat::run(&options),
        Task::Pauses(options) => pauses::run(&options),
        Task::Soak(options) => soak::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
