//! Where the programs under test are: beside the test, in cargo's target folder.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// One build at a time: tests run side by side, and the second finds what the first has built.
static BUILD: Mutex<()> = Mutex::new(());

/// The program `name` (say, `etcd`) of the workspace's package `package`, of the same profile as the calling test.
///
/// `cargo test --workspace` has built all programs; `cargo test -p` of a crate that does not depend on `package` has not,
/// and then it is built here, once.
///
/// # Panics
///
/// If the caller is no test or program of the workspace, or the program cannot be built.
pub fn beside(package: &str, name: &str) -> PathBuf {
    let this = env::current_exe().expect("a test is a program");
    let folder = this.parent().expect("a program is in a folder");
    let folder =
        if folder.ends_with("deps") { folder.parent().expect("target/PROFILE/deps") } else { folder };
    let program = folder.join(name);
    let _one = BUILD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !program.exists() {
        build(package, name, folder);
    }
    assert!(program.exists(), "{} is missing", program.display());
    program
}

fn build(package: &str, name: &str, folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let status = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "-p", package, "--bin", name, "--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("below the target folder"))
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "{name} cannot be built");
}
