//! Go's own client, `go.etcd.io/etcd/client/v3`.

use super::{Client, sources};
use crate::{command, paths, secured::Secured};
use anyhow::{Context, Result};
use std::process::Command;

pub(super) const CLIENT: Client =
    Client { name: "go.etcd.io/etcd/client/v3 (Go)", flags: &[], fetch, command };

/// Needs Go; its modules come from Go's proxy.
fn fetch() -> Result<()> {
    command::run(go().args(["mod", "download"])).context("is Go installed, and its proxy reached?")
}

fn command(server: &Secured) -> Result<Command> {
    let program = paths::cache().join("go-client");
    std::fs::create_dir_all(paths::cache())?;
    command::run(go().args(["build", "-o"]).arg(&program).arg("."))?;
    let mut command = Command::new(program);
    command.arg("-endpoint").arg(format!("https://{}", server.address())).arg("-ca").arg(server.ca());
    Ok(command)
}

fn go() -> Command {
    let mut go = Command::new("go");
    go.current_dir(sources().join("go"));
    go
}
