//! A pair of etcdctl and server.

use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Major and minor release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

impl Version {
    /// Reads `3.7` or `3.7.1`.
    pub(crate) fn parse(text: &str) -> Result<Version> {
        let mut numbers = text.trim().split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Version(major, minor)),
            _ => bail!("{text:?} is no release"),
        }
    }

    /// Asks the server in a folder for its release.
    pub(crate) fn of_server(dir: &Path) -> Result<Version> {
        let program = dir.join("etcd");
        let output = Command::new(&program).arg("--version").output();
        let output = output.with_context(|| format!("cannot run {}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("etcd Version: "));
        Version::parse(line.with_context(|| format!("{} does not say its version", program.display()))?)
    }
}

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Official,
    Ours,
}

/// One column of the comparison.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ctl: PathBuf,
    /// etcdutl, from where etcdctl comes from.
    pub(crate) utl: PathBuf,
    pub(crate) ctl_maker: Maker,
    pub(crate) server: PathBuf,
    pub(crate) server_maker: Maker,
    /// Release of the official programs.
    pub(crate) official: Version,
}

impl Column {
    /// Reads a pair of letters: whose etcdctl, then whose server.
    pub(crate) fn new(pair: &str, official: &Path, ours: &Path, version: Version) -> Result<Column> {
        let maker = |letter: &str| match letter {
            "o" => Ok((Maker::Official, official, "official")),
            "u" => Ok((Maker::Ours, ours, "our")),
            _ => bail!("a pair is oo, ou, uo or uu, not {pair:?}"),
        };
        let Some((ctl, server)) = pair.split_at_checked(1) else { bail!("an empty pair") };
        let ((ctl_maker, ctl_dir, ctl_word), (server_maker, server_dir, server_word)) =
            (maker(ctl)?, maker(server)?);
        Ok(Column {
            name: format!("{ctl_word} etcdctl, {server_word} server"),
            ctl: ctl_dir.join("etcdctl"),
            utl: ctl_dir.join("etcdutl"),
            ctl_maker,
            server: server_dir.join("etcd"),
            server_maker,
            official: version,
        })
    }
}
