//! A new data dir from a snapshot: the data of an old cluster, the members of a new one.
//!
//! What is kept are keys, leases, users, roles and alarms, and the v2 tree if a server of ours made the snapshot; who the members are, and how far a log had been applied, is
//! of the new cluster. Without an engine the data goes into `member/snap/db`, on which etcd's own server works and
//! which ours takes into its engine at the first start; with one it goes there directly.

use crate::{Altered, EngineHome, EngineOptions, altered::Progress, new_log::Founding};
use oxetcd_api::Revision;
use oxetcd_consensus::{Disk, OsDisk};
use oxetcd_machine::{Member, V2Records, meta::Notes};
use oxetcd_storage::{Batch, Buffer, Durability, Engine, Memory, Table};
use oxetcd_storage_bolt::{Reader, TRAILER_BYTES, has_trailer};
use oxetcd_v2::Tree;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    ops::ControlFlow,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes of a snapshot that are hashed at once.
const HASHED_BYTES: usize = 1 << 20;
/// Key of the revision up to which the store is to be compacted.
const SCHEDULED: &[u8] = b"scheduledCompactRev";

/// What is restored, and to where.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The snapshot.
    pub snapshot: PathBuf,
    /// The data dir to be made; it may be there if it is empty.
    pub data_dir: PathBuf,
    /// Where its log goes.
    pub wal_dir: PathBuf,
    /// The members of the new cluster.
    pub members: Vec<Member>,
    /// Id of the member whose data dir it is.
    pub me: u64,
    /// Whether the checksum at the snapshot's end is left alone.
    pub skip_hash_check: bool,
    /// Revisions to skip, so that clients never see one twice; everything older is compacted then.
    pub bump_revision: u64,
    /// The engine to restore into; `None` for a database in etcd's own format.
    pub backend: Option<String>,
}

impl Restore {
    /// Makes the data dir. `progress` is told of bytes that have been gone through: those of the snapshot, once when
    /// it is checked and once when it is copied.
    ///
    /// # Errors
    /// When the snapshot is damaged, the data dir is not empty, or something cannot be written; the text names it.
    /// Nothing of the data dir is left then.
    pub fn run(&self, progress: &mut Progress<'_>) -> Result<(), String> {
        self.check_target()?;
        self.check_hash(progress)?;
        let reader = Reader::open(&self.snapshot)
            .map_err(|error| format!("cannot read {}: {error}", self.snapshot.display()))?;
        let member_dir = self.data_dir.join("member");
        let was_there = self.data_dir.exists();
        let done = self.make(&reader, &member_dir.join("snap"), progress);
        if done.is_err() {
            // It was not there before.
            let _ = fs::remove_dir_all(&member_dir);
            if !was_there {
                let _ = fs::remove_dir(&self.data_dir);
            }
            let _ = fs::remove_dir_all(&self.wal_dir);
        }
        done
    }

    fn check_target(&self) -> Result<(), String> {
        let in_use = |dir: &Path| match fs::read_dir(dir) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if in_use(&self.data_dir) {
            return Err(format!("data-dir {:?} not empty or could not be read", self.data_dir));
        }
        if self.wal_dir.exists() {
            return Err(format!("wal-dir {:?} exists", self.wal_dir));
        }
        Ok(())
    }

    fn check_hash(&self, progress: &mut Progress<'_>) -> Result<(), String> {
        let failed = |error: io::Error| format!("open {}: {}", self.snapshot.display(), reason(&error));
        let file = File::open(&self.snapshot).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if self.skip_hash_check {
            progress(bytes);
            return Ok(());
        }
        if !has_trailer(bytes) {
            return Err("snapshot missing hash but --skip-hash-check=false".to_owned());
        }
        let mut sha = Sha256::new();
        let mut content = file.take(bytes - TRAILER_BYTES);
        let mut piece = vec![0; HASHED_BYTES];
        loop {
            let read = content.read(&mut piece).map_err(failed)?;
            if read == 0 {
                break;
            }
            sha.update(&piece[..read]);
            progress(read as u64);
        }
        let mut stated = Vec::new();
        content.into_inner().read_to_end(&mut stated).map_err(failed)?;
        let found = sha.finalize();
        if found[..] == stated[..] { Ok(()) } else { Err(mismatch(&stated, &found)) }
    }

    fn make(&self, reader: &Reader, snap_dir: &Path, progress: &mut Progress<'_>) -> Result<(), String> {
        make_dir(snap_dir)?;
        let founding = Founding::new(self.members.clone(), self.me);
        let damaged = |error: oxetcd_storage_bolt::Error| format!("{}: {error}", self.snapshot.display());
        let mut altered = Altered::new(reader).map_err(damaged)?;
        alter(&mut altered, &founding).map_err(damaged)?;
        if self.bump_revision > 0 {
            self.bump(reader, &mut altered)?;
        }
        match &self.backend {
            None => altered.write(&snap_dir.join("db"), progress)?,
            Some(name) => {
                let home = EngineHome::new(name, snap_dir, EngineOptions { max_bytes: None })?;
                if home.is_volatile() {
                    return Err(format!("the {name} engine keeps nothing: there is nothing to restore into"));
                }
                home.make(founding.applied.index, |engine| altered.copy_to(engine, progress))?;
            }
        }
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        if let Some(parent) = self.wal_dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_dir(parent)?;
        }
        let tree = v2_tree(&mut altered)?;
        founding.write(&disk, &self.wal_dir, snap_dir, &tree)
    }

    /// Adds an empty record far behind the last one, and has everything before it compacted.
    fn bump(&self, reader: &Reader, altered: &mut Altered<'_>) -> Result<(), String> {
        let damaged = |error: oxetcd_storage_bolt::Error| format!("{}: {error}", self.snapshot.display());
        let mut newest = 0;
        let visit = |place: &[u8], _: &[u8]| {
            newest = Revision::from_bytes(place).map_or(newest, |(revision, _)| newest.max(revision.main));
            ControlFlow::Continue(())
        };
        reader.scan(Table::Key.name().as_bytes(), b"", visit).map_err(damaged)?;
        let amount = i64::try_from(self.bump_revision).ok();
        let bumped = amount.and_then(|amount| newest.checked_add(amount)).filter(|main| *main < i64::MAX / 2);
        let bumped = bumped.ok_or_else(|| {
            format!("revision {newest} cannot be raised by {}: it would overflow", self.bump_revision)
        })?;
        let place = Revision::new(bumped, 0).to_bytes().to_vec();
        altered.add_key(place.clone(), Vec::new());
        altered.table(Table::Meta).map_err(damaged)?.insert(SCHEDULED.to_vec(), place);
        Ok(())
    }
}

/// The v2 tree that the snapshot brings along.
fn v2_tree(altered: &mut Altered<'_>) -> Result<Tree, String> {
    let mut batch = Batch::new();
    for (key, value) in altered.table(Table::Meta).map_err(text)?.iter() {
        batch.put(Table::Meta, key.clone(), value.clone());
    }
    let meta = Memory::new();
    meta.commit(&batch, Durability::Buffered).map_err(text)?;
    V2Records::in_buffer(&Buffer::new(Arc::new(meta))).map_err(text)?.open()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Exchanges the old cluster's members for the new one's.
fn alter(altered: &mut Altered<'_>, founding: &Founding) -> Result<(), oxetcd_storage_bolt::Error> {
    altered.table(Table::MembersRemoved)?.clear();
    let members = altered.table(Table::Members)?;
    members.clear();
    members.extend(founding.records());
    let mut batch = Batch::new();
    let notes = Notes {
        applied: founding.applied,
        conf_state: Some(founding.conf_state.clone()),
        storage_version: None,
    };
    notes.put_into(&mut batch);
    let meta = altered.table(Table::Meta)?;
    for op in batch.ops() {
        meta.insert(op.key.to_vec(), op.value.as_deref().unwrap_or_default().to_vec());
    }
    Ok(())
}

/// In etcd's words and form: bytes as decimal numbers.
fn mismatch(stated: &[u8], found: &[u8]) -> String {
    let numbers = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
    format!("expected sha256 [{}], got [{}]", numbers(stated), numbers(found))
}

fn make_dir(dir: &Path) -> Result<(), String> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| format!("cannot create {}: {}", dir.display(), reason(&error)))
}

/// An error of the operating system in lower case and without its number, as Go shows it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
