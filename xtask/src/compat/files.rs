//! What a server leaves behind, for commands that work on files.
//!
//! A script with `files` finds in `{files}`:
//!
//! | file | |
//! |---|---|
//! | `snapshot.db` | a snapshot that the server's own etcdctl has saved |
//! | `broken.db` | the same with one byte of a value changed |
//! | `short.db` | the first half of it |
//! | `text.db` | no database |
//! | `member` | the data dir of the server, which was stopped |
//!
//! They are made once by each server, with the same history, members and cluster, and every call gets a copy: so the two
//! etcdutl's see the very same bytes.

use super::{column::Column, identity};
use crate::{
    command::output_of,
    process::{Addresses, Plan, Server},
};
use anyhow::{Context, Result};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::TempDir;

/// The value that is damaged in `broken.db`. Another byte of the file may matter or not, by where the server has put what.
const DAMAGED: &str = "a value to damage";

/// What is written: a history with a deletion and a compaction in it.
const HISTORY: [&[&str]; 7] = [
    &["put", "a", "1"],
    &["put", "a", "2"],
    &["put", "b", "3"],
    &["del", "a"],
    &["compaction", "4"],
    &["put", "c", DAMAGED],
    &["put", "a", "5"],
];

/// Nobody listens there; a member that is alone never connects to itself.
const PEER_URL: &str = "http://127.0.0.1:1";

/// What each server has left, made when first asked for.
#[derive(Default)]
pub(super) struct Files(Mutex<HashMap<PathBuf, Arc<TempDir>>>);

impl Files {
    /// Copies what the server of `column` has left into `to`.
    pub(super) fn copy(&self, column: &Column, to: &Path) -> Result<()> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match made.get(&column.server) {
            Some(left) => left.clone(),
            None => {
                let left = Arc::new(make(&column.server).context("the files cannot be made")?);
                made.insert(column.server.clone(), left.clone());
                left
            }
        };
        drop(made);
        copy_dir(left.path(), to)
    }
}

fn make(server: &Path) -> Result<TempDir> {
    let dir = TempDir::with_prefix("compat-files-")?;
    let path = |name: &str| dir.path().join(name);
    let extra = [
        format!("--initial-cluster-token={}", identity::token(PEER_URL)),
        format!("--initial-advertise-peer-urls={PEER_URL}"),
        "--advertise-client-urls=http://127.0.0.1:2".to_owned(),
        format!("--initial-cluster=member={PEER_URL}"),
    ];
    let plan = Plan { program: server, name: "member", dir: dir.path(), extra: &extra };
    let running = Server::start_at(&plan, Addresses::free())?;
    let ctl = |args: &[&str]| call_ctl(&server.with_file_name("etcdctl"), &running, args);
    HISTORY.iter().try_for_each(|args| ctl(args))?;
    ctl(&["snapshot", "save", &path("snapshot.db").to_string_lossy()])?;
    drop(running);
    let whole = fs::read(path("snapshot.db"))?;
    let mut broken = whole.clone();
    let value = whole.windows(DAMAGED.len()).position(|bytes| bytes == DAMAGED.as_bytes());
    broken[value.context("a value is missing in the snapshot")?] ^= 1;
    fs::write(path("broken.db"), broken)?;
    fs::write(path("short.db"), &whole[..whole.len() / 2])?;
    fs::write(path("text.db"), "no database\n".repeat(100))?;
    fs::remove_file(path("member.log"))?;
    Ok(dir)
}

/// Runs etcdctl; it must succeed.
pub(crate) fn call_ctl(program: &Path, server: &Server, args: &[&str]) -> Result<()> {
    let endpoints = format!("--endpoints={}", server.client());
    output_of(Command::new(program).env("ETCDCTL_API", "3").arg(endpoints).args(args)).map(drop)
}

/// Copies a folder with all below it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
