//! `cargo xtask mixed`: members of the official etcd and ours in one cluster.
//!
//! The tests themselves are `server/tests/cluster/mixed.rs`, beside the other tests of clusters, and
//! `server/tests/data_dir/mixed.rs`, where the two take turns on one data dir. Here it gets what it
//! cannot have under `cargo test --workspace`: the official program. [`snapshots`] needs all three programs of both, and
//! is a test of its own; so is [`v2_keys`], which takes a server that still serves version 2 of the API.

mod snapshots;
mod v2_keys;

use crate::{build, command, compat};
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Options {
    /// Folder of the official `etcd`; by default release 3.5.1 from PyPI, kept in the cache.
    #[arg(long)]
    official: Option<PathBuf>,
    /// The server that takes over and gives back; ours by default.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Run only the tests whose name contains this (`snapshots` and `v2-keys` are alone quick).
    #[arg(long, default_value = "mixed")]
    only: String,
}

/// A test that gets the folders of the official programs and of ours.
type OwnTest = fn(&Path, &Path) -> Result<()>;

/// The tests that are programs of their own, by name.
const OWN: [(&str, OwnTest); 2] = [("snapshots", snapshots::run), ("v2-keys", v2_keys::run)];

/// With this official etcd and what is built.
pub(crate) fn run_all(official: &Path) -> Result<()> {
    run(&Options { official: Some(official.to_owned()), server: None, only: "mixed".to_owned() })
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let official = options.official.clone().map_or_else(compat::official, Ok)?;
    let own = OWN.iter().filter(|(name, _)| options.only == "mixed" || *name == options.only);
    for (_, test) in own {
        test(&official, &build::debug()?)?;
    }
    if OWN.iter().any(|(name, _)| *name == options.only) {
        return Ok(());
    }
    let test = [
        "test",
        // Two tests of one crate; the whole workspace, so that nothing is built anew after its tests.
        "--workspace",
        "--test",
        "cluster",
        "--test",
        "data_dir",
        "--",
        "--ignored",
        &options.only,
    ];
    let mut test = command::cargo(&test);
    test.env("OXETCD_OFFICIAL", &official);
    if let Some(server) = &options.server {
        test.env("OXETCD_CLUSTER_PROGRAM", server);
    }
    command::run(&mut test)
}
