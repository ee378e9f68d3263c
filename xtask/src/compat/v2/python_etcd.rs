//! python-etcd, a client that nobody here wrote, against three of our members, one of which is killed.
//!
//! What it does stands in `xtask/clients/python/v2_flows.py`. The library comes from PyPI, once, into the cache.

use crate::{
    command, paths,
    process::{Addresses, Plan, Server},
};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The library, in the one release that everybody has used for years.
const REQUIREMENT: &str = "python-etcd==0.4.5";
const SIZE: usize = 3;
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A Python that has the library.
fn python() -> Result<PathBuf> {
    let dir = paths::cache().join("python-etcd");
    let python = dir.join("bin/python");
    let has_it = |python: &Path| {
        let mut import = Command::new(python);
        python.exists() && import.args(["-c", "import etcd"]).status().is_ok_and(|status| status.success())
    };
    if !has_it(&python) {
        command::run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
        let pip = ["-m", "pip", "install", "--quiet", REQUIREMENT];
        command::run(Command::new(&python).args(pip))
            .context("python-etcd cannot be fetched from PyPI, so nothing was tested with it")?;
    }
    Ok(python)
}

/// Runs the flows against members of the program in the folder `programs`.
pub(super) fn run(programs: &Path) -> Result<()> {
    let python = python()?;
    let (dir, program) = (tempfile::TempDir::with_prefix("python-etcd-")?, programs.join("etcd"));
    let names: Vec<String> = (0..SIZE).map(|at| format!("m{at}")).collect();
    let places: Vec<Addresses> = names.iter().map(|_| Addresses::free()).collect();
    let initial: Vec<String> =
        names.iter().zip(&places).map(|(name, at)| format!("{name}=http://{}", at.peer)).collect();
    let mut members = Vec::new();
    for (name, at) in names.iter().zip(&places) {
        let plan = Plan { program: &program, name, dir: dir.path(), extra: &[] };
        members.push(Server::spawn(&plan, *at, &initial.join(","))?);
    }
    let end = Instant::now() + START_LIMIT;
    while !members.iter().all(Server::healthy) {
        for member in &mut members {
            if let Some(status) = member.ended()? {
                bail!("a member ended at its start ({status}): {}", member.log_tail());
            }
        }
        if Instant::now() > end {
            bail!("the members are not healthy after {START_LIMIT:?}");
        }
        thread::sleep(POLL);
    }
    let urls: Vec<String> = members.iter().map(|member| format!("http://{}", member.client())).collect();
    let pids: Vec<String> = members.iter().map(|member| member.pid().to_string()).collect();
    let flows = paths::root().join("xtask/clients/python/v2_flows.py");
    command::run(Command::new(python).arg(flows).arg(urls.join(",")).arg(pids.join(",")))
}
