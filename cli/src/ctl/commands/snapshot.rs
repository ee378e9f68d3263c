//! `snapshot`: a copy of a member's store.

use super::expect_args;
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{MAINTENANCE, Session, global},
    exit,
    go::{duration::GoDuration, os_error, size::human_bytes},
    progress,
};
use oxetcd_client::Client;
use std::{
    ffi::OsString,
    fs::{self, File},
    io::Write as _,
    os::unix::{ffi::OsStringExt as _, fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use tokio::time::Instant;

/// A snapshot is whole pages with a SHA-256 behind them: its size has this rest.
const PAGE_BYTES: u64 = 512;
const CHECKSUM_BYTES: u64 = 32;

const EXAMPLES: &str = "  # A snapshot of the member on this machine
  etcdctl snapshot save /backup/etcd-snapshot.db

  # A snapshot of another member
  etcdctl snapshot save --endpoints=127.0.0.1:3000 /backup/etcd-snapshot.db

  # With a user and a password
  etcdctl --user=root --password=password123 snapshot save /backup/etcd-snapshot.db

  # With the time in its name
  etcdctl snapshot save /backup/etcd_$(date +%Y%m%d_%H%M%S).db";

pub(super) static SNAPSHOT: Command = Command {
    group: Some(MAINTENANCE),
    example: EXAMPLES,
    commands: &[&SAVE],
    ..Command::new("snapshot", "Makes copies of the stores of members")
};

static SAVE: Command = Command {
    usage: "<filename>",
    example: EXAMPLES,
    run: Some(|invocation| Box::pin(save(invocation))),
    ..Command::new("save", "Stores a copy of a member's store in a file")
};

async fn save(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "snapshot save expects one argument <filename>")?;
    let path = PathBuf::from(OsString::from_vec(invocation.matches.args[0].clone()));
    let session = Session::begin(invocation)?;
    // A copy may take long: only a timeout that was asked for counts.
    let limited = invocation.matches.is_set(&global::COMMAND_TIMEOUT);
    let version =
        fetch(&session, limited, &path).await.map_err(|message| Failure::new(exit::INTERRUPTED, message))?;
    session.out.write(&[b"Snapshot saved at ", &invocation.matches.args[0][..], b"\n"].concat());
    if !version.is_empty() {
        session.out.line(format_args!("Server version {version}"));
    }
    Ok(())
}

/// Fetches the copy into `PATH.part`, and renames it when it is complete and on disk.
async fn fetch(session: &Session, limited: bool, path: &Path) -> Result<String, String> {
    let [endpoint] = session.endpoints() else {
        let given = session.endpoints().join(" ");
        return Err(format!("snapshot must be requested to one selected node, not multiple [{given}]"));
    };
    let client = session.connect_to(endpoint).await.map_err(|error| error.to_string())?;
    let client = if limited { client.with_deadline(session.deadline()) } else { client };
    let part = Part::create(path)?;
    let start = Instant::now();
    tracing::info!(path = %part.path.display(), "created temporary db file");
    tracing::info!(endpoint, "fetching snapshot");
    let (size, version) = download(&client, &part.file).await?;
    if size % PAGE_BYTES != CHECKSUM_BYTES {
        return Err(format!("sha256 checksum not found [bytes: {size}]"));
    }
    part.file.sync_all().map_err(|error| format!("could not fsync snapshot: {error}"))?;
    let (size, took) = (human_bytes(size), GoDuration::from(start.elapsed()).to_string());
    tracing::info!(endpoint, size, took, etcd_version = version, "fetched snapshot");
    part.finish(path)?;
    tracing::info!(path = %path.display(), "saved");
    Ok(version)
}

async fn download(client: &Client, mut file: &File) -> Result<(u64, String), String> {
    let text = |error: oxetcd_client::Error| error.to_string();
    let mut pieces = client.snapshot().await.map_err(text)?;
    let (mut size, mut version) = (0, None);
    let bar = progress::bytes();
    loop {
        // Whatever goes wrong after the first piece goes wrong while writing, from the user's point of view.
        let piece = pieces.next().await.map_err(|error| match version {
            None => text(error),
            Some(_) => format!("could not write snapshot: {error}"),
        })?;
        let Some(piece) = piece else {
            bar.finish_and_clear();
            return Ok((size, version.unwrap_or_default()));
        };
        bar.inc(piece.blob.len() as u64);
        file.write_all(&piece.blob).map_err(|error| format!("could not write snapshot: {error}"))?;
        size += piece.blob.len() as u64;
        version.get_or_insert(piece.version);
    }
}

/// The file while it is incomplete; removed when it does not get finished.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn create(target: &Path) -> Result<Self, String> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(|error| {
            let path = path.display();
            format!("could not open {path} (open {path}: {})", os_error(&error))
        })?;
        Ok(Part { path, file })
    }

    fn finish(&self, target: &Path) -> Result<(), String> {
        let result = match target.is_dir() {
            true => Err("file exists".to_owned()),
            false => fs::rename(&self.path, target).map_err(|error| os_error(&error)),
        };
        result.map_err(|reason| {
            let (from, to) = (self.path.display(), target.display());
            format!("could not rename {from} to {to} (rename {from} {to}: {reason})")
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is gone already when all went well.
        let _ = fs::remove_file(&self.path);
    }
}
