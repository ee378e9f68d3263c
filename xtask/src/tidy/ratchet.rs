//! Files that were too large when the limit came: they may shrink, not grow.
//!
//! `xtask/ratchet.txt` has a line `LINES PATH` for each. A file that has come down to the usual limit leaves the
//! list, and one that has shrunk gets its new size as its limit: `cargo xtask tidy --update`.

use super::sources;
use anyhow::{Context, Result};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

const FILE: &str = "xtask/ratchet.txt";

/// Limits by path.
pub(crate) fn read(root: &Path) -> Result<BTreeMap<String, usize>> {
    let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (lines, path) = line.split_once(' ').with_context(|| format!("{FILE}: {line}"))?;
            Ok((path.to_owned(), lines.parse().with_context(|| format!("{FILE}: {line}"))?))
        })
        .collect()
}

/// Writes the present sizes down.
pub(crate) fn update(root: &Path) -> Result<()> {
    let mut text =
        String::from("# Files above the limit, with the number of lines that they must not exceed.\n");
    for file in sources::files(root)? {
        let lines = fs::read_to_string(root.join(&file)).unwrap_or_default().lines().count();
        if lines > sources::MAX_LINES {
            let _ = writeln!(text, "{lines} {file}");
        }
    }
    fs::write(root.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
}
