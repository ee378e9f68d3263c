//! Our own programs, built when needed.

use crate::{command, paths};
use anyhow::Result;
use std::path::PathBuf;

/// Builds the server and the command-line tools as they are shipped, and returns the folder that holds them.
pub(crate) fn release() -> Result<PathBuf> {
    command::run(&mut command::cargo(&["build", "--release", "-p", "oxetcd-server", "-p", "oxetcd-cli"]))?;
    Ok(paths::target().join("release"))
}

/// Builds them as they are tested, which is quicker where their speed does not matter: a test of each package has Cargo
/// build the package's programs, and with the whole workspace named nothing is built otherwise than for its tests.
pub(crate) fn debug() -> Result<PathBuf> {
    let tests = ["test", "--workspace", "--quiet", "--no-run", "--test", "kill", "--test", "pty"];
    command::run(&mut command::cargo(&tests))?;
    Ok(paths::target().join("debug"))
}
