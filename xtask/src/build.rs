//! Our own programs, built when needed.

use crate::{command, paths};
use anyhow::Result;
use std::path::PathBuf;

/// Builds the server and the command-line tools for release, and returns the folder that holds them.
pub(crate) fn release() -> Result<PathBuf> {
    command::run(&mut command::cargo(&["build", "--release", "-p", "oxetcd-server", "-p", "oxetcd-cli"]))?;
    Ok(paths::target().join("release"))
}
