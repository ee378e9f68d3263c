//! `cargo xtask tidy`: the house's rules, checked by reading.
//!
//! Which crate may use which is a table in ARCHITECTURE.md, so that the document cannot drift from the code:
//! the same table is what is checked. The same goes for dependencies that are fenced in. What a file must look
//! like is checked in [`sources`]. `cargo test -p xtask` runs all of it on this very checkout.

mod arrows;
mod manifests;
mod ratchet;
mod sources;
mod tables;

use crate::paths;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{fs, path::Path};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Write the present sizes of oversized files down as their limits.
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let root = paths::root();
    if options.update {
        ratchet::update(&root)?;
    }
    let complaints = check(&root)?;
    complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{} rules are broken", complaints.len())
}

/// All that is wrong, a line each.
fn check(root: &Path) -> Result<Vec<String>> {
    let document = fs::read_to_string(root.join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    let crates = manifests::read(root)?;
    let mut complaints = arrows::check(&crates, &tables::arrows(&document)?, &tables::fences(&document)?);
    complaints.extend(manifests::check(root, &crates)?);
    complaints.extend(sources::check(root, &tables::cores(&document)?)?);
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_checkout_is_tidy() {
        let complaints = check(&paths::root()).unwrap();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
