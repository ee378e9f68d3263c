//! `cargo xtask verify`, `fix` and `ci`.
//!
//! `verify` only reads and `fix` only changes, so one can be trusted before a commit and the other undone after
//! it. `ci` is `verify` plus the tests that are too heavy for `cargo test --workspace`.

use crate::{command, compat, mixed, paths, tidy};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::{
    env,
    process::{Command, Stdio},
};

#[derive(Args)]
pub(crate) struct CiOptions {
    /// Which storage engines to cover: those of the default build, or all (RocksDB takes about 12 minutes to
    /// build on two cores, once; it needs libclang and a C++ compiler).
    #[arg(long, value_enum, default_value_t = Engines::Default)]
    engines: Engines,
    /// Compare with the official programs, and run them in one cluster with ours; `auto` does where they can be had.
    #[arg(long, value_enum, default_value_t = Compat::Auto)]
    compat: Compat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Default,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Compat {
    Auto,
    Always,
    Never,
}

/// Reads only: formatting, lints, tidiness, documentation. Goes on after a failure: one run shows all.
pub(crate) fn verify() -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    let mut doc = command::cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    let mut done = vec![
        command::run(&mut command::cargo(&["fmt", "--all", "--check"])),
        tidy::run(&tidy::Options::default()),
        command::run(&mut command::cargo(&clippy)),
        command::run(doc.env("RUSTDOCFLAGS", "--deny warnings")),
    ];
    if installed("cargo-deny") {
        done.push(command::run(&mut command::cargo(&["deny", "check", "--hide-inclusion-graph"])));
    } else {
        eprintln!("skipped: cargo-deny is not installed (cargo install cargo-deny)");
    }
    let failed: Vec<String> =
        done.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if !failed.is_empty() {
        bail!("verify:\n  {}", failed.join("\n  "));
    }
    Ok(())
}

/// Formats, and applies what the linter can mend.
pub(crate) fn fix() -> Result<()> {
    let clippy = ["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"];
    command::run(&mut command::cargo(&clippy))?;
    command::run(&mut command::cargo(&["fmt", "--all"]))
}

/// Everything that a change must pass, `cargo test --workspace` aside.
pub(crate) fn ci(options: &CiOptions) -> Result<()> {
    verify()?;
    simulation()?;
    contend()?;
    if options.engines == Engines::All {
        rocksdb()?;
    }
    if options.compat == Compat::Never {
        return Ok(());
    }
    compat::run_clients_at_hand()?;
    let official = match (options.compat, compat::official()) {
        (_, Ok(official)) => official,
        (Compat::Always, Err(error)) => return Err(error),
        (_, Err(error)) => {
            eprintln!("skipped: compat and mixed, for {error:#}");
            return Ok(());
        }
    };
    compat::run_all()?;
    mixed::run_all(&official)
}

/// Runs the simulation of the consensus core at full length; `cargo test` runs a tenth of it.
fn simulation() -> Result<()> {
    // The whole workspace, though one crate would do: so nothing is built anew after its tests.
    let test = ["test", "--workspace", "--test", "sim", "seeds", "--", "--nocapture"];
    command::run(command::cargo(&test).env("SIM_SEEDS", "10000"))
}

/// Fifty clients over one lock and one election for a minute, while clients die, and for another in which connections and
/// members die too; `cargo test` does the latter for some seconds.
pub(crate) fn contend() -> Result<()> {
    // The whole workspace, as above.
    let test = ["test", "--workspace", "--test", "client", "contend", "--", "--nocapture"];
    for faults in ["clients", "all"] {
        let minute = [("OXETCD_CONTEND_S", "60"), ("OXETCD_CONTEND_FAULTS", faults)];
        command::run(command::cargo(&test).envs(minute))?;
    }
    Ok(())
}

/// Builds and tests the engine that the default build leaves out. What is built is kept outside of the checkout:
/// it outlives a fresh clone.
fn rocksdb() -> Result<()> {
    if !has_libclang() {
        bail!("RocksDB needs libclang and a C++ compiler: apt-get install libclang-dev g++");
    }
    let target = paths::cache().join("target-rocksdb");
    let test = ["test", "-p", "oxetcd-storage-rocksdb", "--features", "engine"];
    command::run(command::cargo(&test).env("CARGO_TARGET_DIR", &target))?;
    let server = ["test", "-p", "oxetcd-server", "--features", "rocksdb,sled"];
    command::run(command::cargo(&server).env("CARGO_TARGET_DIR", &target))
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Looks where bindgen looks first.
fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() || installed("llvm-config") {
        return true;
    }
    let cached = Command::new("ldconfig").arg("-p").output();
    cached.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("libclang"))
}
