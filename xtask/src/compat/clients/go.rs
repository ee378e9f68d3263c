//! Go's own client, `go.etcd.io/etcd/client/v3`.

use super::{Client, sources};
use crate::{command, paths, secured::Secured};
use anyhow::{Context, Result};
use std::{path::PathBuf, process::Command};

pub(super) const CLIENT: Client =
    Client { name: "go.etcd.io/etcd/client/v3 (Go)", flags: &[], fetch, command };

fn program() -> PathBuf {
    paths::cache().join("go-client")
}

/// Needs Go; its modules come from Go's proxy. Built here, too: a machine whose Go is too old has no such client.
fn fetch() -> Result<()> {
    std::fs::create_dir_all(paths::cache())?;
    command::run(go().args(["mod", "download"])).context("is Go installed, and its proxy reached?")?;
    command::run(go().args(["build", "-o"]).arg(program()).arg("."))
}

fn command(server: &Secured) -> Result<Command> {
    let mut command = Command::new(program());
    command.arg("-endpoint").arg(format!("https://{}", server.address())).arg("-ca").arg(server.ca());
    Ok(command)
}

fn go() -> Command {
    let mut go = Command::new("go");
    go.current_dir(sources().join("go"));
    go
}
