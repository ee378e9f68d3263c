//! Go's own client, `go.etcd.io/etcd/client/v3`.

use super::{Client, sources};
use crate::{command, paths, secured::Secured};
use anyhow::{Context, Result};
use std::process::Command;

pub(super) const CLIENT: Client = Client { name: "go.etcd.io/etcd/client/v3 (Go)", flags: &[], command };

/// Needs Go; its modules come from Go's proxy.
fn command(server: &Secured) -> Result<Command> {
    let program = paths::cache().join("go-client");
    std::fs::create_dir_all(paths::cache())?;
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(sources().join("go"));
    command::run(&mut build).context("is Go installed?")?;
    let mut command = Command::new(program);
    command.arg("-endpoint").arg(format!("https://{}", server.address())).arg("-ca").arg(server.ca());
    Ok(command)
}
