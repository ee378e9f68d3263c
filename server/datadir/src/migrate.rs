//! The layout of a stopped member's data, made that of another version.
//!
//! Layouts from 3.5 to 3.7 differ in one thing: from 3.6 on the data names its version. Downwards, the log must hold
//! nothing that the older program would not understand.

use crate::{Altered, Offline, altered::Progress, open_database};
use oxetcd_consensus::{
    OsDisk, Wal, WalOptions,
    raftpb::{Entry, EntryType},
};
use oxetcd_machine::meta::{self, Notes};
use oxetcd_storage::{Batch, Checkpoint, Durability, Engine, Table};
use prost::Message;
use std::{ops::ControlFlow, path::Path, sync::Arc, time::Duration};

/// The first layout that names itself.
const NAMED: (u64, u64) = (3, 6);
/// The newest layout.
const NEWEST: (u64, u64) = (3, 7);

/// What [`migrate`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// Nothing: the data has this layout.
    UpToDate,
    /// The data has the asked layout now.
    Done,
    /// So it has, against this objection.
    Forced,
}

/// Makes the layout of the data below `data_dir` that of version `target`, 3.5 at least.
///
/// # Errors
/// When the data's version is not known, or a program of that version would not understand the data or the log; with
/// `force` the latter does not count.
pub fn migrate(data_dir: &Path, target: (u64, u64), force: bool, wait: Duration) -> Result<Migrated, String> {
    let offline = Offline::find(data_dir, wait)?;
    let current = current(&*offline.engine(wait)?)?;
    if current == target {
        return Ok(Migrated::UpToDate);
    }
    let objection = objection(data_dir, current, target);
    match objection {
        Err(error) if !force => return Err(error),
        _ => set(&offline, target, wait)?,
    }
    Ok(if objection.is_ok() { Migrated::Done } else { Migrated::Forced })
}

fn current(engine: &dyn Engine) -> Result<(u64, u64), String> {
    let checkpoint: Box<dyn Checkpoint> = engine.checkpoint().map_err(text)?;
    let mut notes = Notes::default();
    let mut visit = |key: &[u8], value: &[u8]| {
        notes.take(key, value);
        ControlFlow::Continue(())
    };
    checkpoint.scan(Table::Meta, b"", &mut visit).map_err(text)?;
    match &notes.storage_version {
        Some(version) => {
            meta::version_parts(version).ok_or_else(|| format!("stored version {version:?} is none"))
        }
        None if notes.applied.term == 0 => {
            Err("cannot detect storage schema version: missing term information".to_owned())
        }
        None => Ok((3, 5)),
    }
}

/// What speaks against it.
fn objection(data_dir: &Path, current: (u64, u64), target: (u64, u64)) -> Result<(), String> {
    if current.0 != target.0 {
        return Err(
            "cannot create migration plan: changing major storage version is not supported".to_owned()
        );
    }
    if let Some((major, minor)) = [current, target].into_iter().find(|version| *version > NEWEST) {
        return Err(format!("cannot create migration plan: version \"{major}.{minor}.0\" is not supported"));
    }
    if target > current {
        return Ok(());
    }
    let wal_dir = data_dir.join("member/wal");
    let (_log, replay) = Wal::open_newest(Arc::new(OsDisk), &wal_dir, WalOptions::default())
        .map_err(|error| format!("failed to open wal: {error}"))?;
    let needed = replay.entries.iter().filter_map(needed).max();
    match needed.filter(|needed| target < *needed) {
        None => Ok(()),
        Some((major, minor)) => Err(format!(
            "cannot downgrade storage, WAL contains newer entries, as the target version ({}.{}.0) is lower than the \
             version ({major}.{minor}.0) detected from WAL logs",
            target.0, target.1
        )),
    }
}

/// The one request that older programs do not know: it only says which version it needs.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, optional, tag = "9900")]
    downgrade_test: Option<NeededVersion>,
}

#[derive(Clone, PartialEq, Message)]
struct NeededVersion {
    #[prost(string, tag = "1")]
    version: String,
}

/// The version that can read an entry, where not every one can.
fn needed(entry: &Entry) -> Option<(u64, u64)> {
    if entry.r#type() != EntryType::EntryNormal {
        return None;
    }
    let request = Request::decode(entry.data.clone().unwrap_or_default()).ok()?;
    let stated = meta::version_parts(&request.downgrade_test?.version);
    Some(stated.unwrap_or(NAMED).max(NAMED))
}

fn set(offline: &Offline, target: (u64, u64), wait: Duration) -> Result<(), String> {
    let version = format!("{}.{}.0", target.0, target.1);
    match offline {
        Offline::Engine(opened) => {
            // Ours names every version here; older programs get to see it in a database file only from 3.6 on.
            let mut batch = Batch::new();
            batch.put(Table::Meta, meta::STORAGE_VERSION, version.into_bytes());
            opened.engine.commit(&batch, Durability::Synced).map_err(text)
        }
        Offline::File(path) => {
            let reader = open_database(path, wait)?;
            let mut altered = Altered::new(&reader).map_err(text)?;
            let records = altered.table(Table::Meta).map_err(text)?;
            records.remove(meta::STORAGE_VERSION);
            if target >= NAMED {
                records.insert(meta::STORAGE_VERSION.to_vec(), version.into_bytes());
            }
            let quiet: &mut Progress<'_> = &mut |_| {};
            altered.write(path, quiet)
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
