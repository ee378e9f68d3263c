//! What the manifests say.

use crate::command;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{fs, path::Path};

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Crate {
    /// Its folder, relative to the root.
    pub(crate) folder: String,
    /// Folders of the workspace's crates that it uses, tests included.
    pub(crate) ours: Vec<String>,
    /// Other crates that it uses, those that only its tests use left out.
    pub(crate) others: Vec<String>,
}

/// Asks cargo for the workspace's crates.
pub(crate) fn read(root: &Path) -> Result<Vec<Crate>> {
    let mut cargo = command::cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let output = cargo.current_dir(root).output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let folder = |path: &Path| path.strip_prefix(root).map(|path| path.to_string_lossy().into_owned()).ok();
    let read_crate = |package: &Value| -> Option<Crate> {
        let manifest = text(&package["manifest_path"]);
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for dependency in list(&package["dependencies"]) {
            match dependency["path"].as_str() {
                Some(path) => ours.extend(folder(Path::new(path))),
                None if dependency["kind"] != "dev" => others.push(text(&dependency["name"])),
                None => {}
            }
        }
        Some(Crate { folder: folder(Path::new(&manifest).parent()?)?, ours, others })
    };
    Ok(list(&metadata["packages"]).iter().filter_map(read_crate).collect())
}

/// Versions stand in the root manifest and nowhere else, and every crate keeps the workspace's lints.
pub(crate) fn check(root: &Path, crates: &[Crate]) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for one in crates {
        let path = format!("{}/Cargo.toml", one.folder);
        let manifest = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        complaints.extend(check_manifest(&path, &manifest));
    }
    Ok(complaints)
}

fn check_manifest(path: &str, manifest: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut section = "";
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && line.contains('=') && !line.starts_with('#') {
            // A crate that names itself does so to turn a feature on for its own tests.
            if !line.contains("workspace = true") && !line.contains("path = \".\"") {
                complaints
                    .push(format!("{path}:{number}: versions belong to [workspace.dependencies]: {line}"));
            }
        }
    }
    if !manifest.contains("[lints") {
        complaints.push(format!("{path}: has no [lints]: inherit the workspace's, or say why not"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::check_manifest;

    #[test]
    fn versions_in_a_crate_are_found() {
        let fine = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\n\
                    b = { workspace = true, features = [\"x\"] }\n[lints]\nworkspace = true\n";
        assert!(check_manifest("x", fine).is_empty());
        let wrong = "[dev-dependencies]\na = \"1\"\n";
        assert_eq!(check_manifest("x", wrong).len(), 2);
    }
}
