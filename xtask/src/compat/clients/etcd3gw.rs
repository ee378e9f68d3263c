//! Python's `etcd3gw`, which speaks JSON to the gateway.

use super::{Client, sources};
use crate::{command, paths, secured::Secured};
use anyhow::{Context, Result};
use std::{path::PathBuf, process::Command};

pub(super) const CLIENT: Client = Client { name: "etcd3gw (Python)", flags: &[], fetch, command };

const PACKAGES: [&str; 2] = ["etcd3gw==2.7.0", "prometheus_client==0.26.0"];

fn home() -> PathBuf {
    paths::cache().join("python-gateway")
}

/// Needs Python with its `venv`; the packages come from PyPI, once.
fn fetch() -> Result<()> {
    let installed = home().join("installed");
    if !installed.exists() {
        command::run(Command::new("python3").args(["-m", "venv"]).arg(home()))?;
        let mut pip = Command::new(home().join("bin/python"));
        command::run(pip.args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))
            .context("etcd3gw cannot be fetched from PyPI")?;
        std::fs::write(&installed, "")?;
    }
    Ok(())
}

fn command(server: &Secured) -> Result<Command> {
    let mut command = Command::new(home().join("bin/python"));
    command.arg(sources().join("python/gateway.py"));
    command.args(["--host", "127.0.0.1", "--port"]).arg(server.address().port().to_string());
    command.arg("--ca").arg(server.ca());
    Ok(command)
}
