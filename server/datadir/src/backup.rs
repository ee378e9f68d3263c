//! A copy of a member that does not run, as the only member of a cluster of its own.
//!
//! What is kept are the v2 tree and, if asked for, the data of version 3; who the members were is taken out, and ids are
//! new. The copy is in etcd's own files, whichever engine the data came from:
//!
//! ```text
//!   member/snap/db             the data, applied up to entry A
//!   member/snap/<term>-A.snap  the same v2 tree, where etcd 3.5 looks for it
//!   member/wal/                a snapshot record at A, and what was committed behind it
//! ```
//!
//! Entries keep their places: one that changes the members becomes an empty one.

use crate::{Export, Offline, cluster_id, encode_state, member_id, reason, v2_tree};
use oxetcd_api::etcdserverpb::{InternalRaftRequest, Metadata};
use oxetcd_consensus::{
    Disk, OsDisk, SnapStore, Wal, WalOptions,
    driver::snapshot_record,
    raftpb::{ConfState, Entry, EntryType, HardState},
    wal::Replay,
};
use oxetcd_machine::{
    Member, V2Change, V2Records,
    meta::{self, Applied, Notes},
    v2_change, v2_request,
};
use oxetcd_storage::{Batch, Buffer, Checkpoint, Durability, Engine, Memory, Result as Stored, Table, Visit};
use oxetcd_v2::Tree;
use prost::Message;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    ops::ControlFlow,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Where nobody listens, and what to do about it.
const PEER_URL: &str = "http://use-flag--force-new-cluster:2080";
const NAME: &str = "etcdctl-v2-backup";
/// Tables of which the copy has its own.
const OWN: [Table; 4] = [Table::Meta, Table::Members, Table::MembersRemoved, Table::Cluster];
/// Notes about compactions of version 3.
const COMPACTIONS: [&[u8]; 2] = [b"scheduledCompactRev", b"finishedCompactRev"];

/// What is copied, and to where.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The data dir of a member that does not run.
    pub data_dir: PathBuf,
    /// Its log, if it is elsewhere.
    pub wal_dir: Option<PathBuf>,
    /// The data dir to be made.
    pub backup_dir: PathBuf,
    /// Where its log goes, if elsewhere.
    pub backup_wal_dir: Option<PathBuf>,
    /// Whether keys, leases, users, roles and alarms of version 3 are copied.
    pub with_v3: bool,
    /// What makes the new ids differ from those of any other copy: the time, say.
    pub seed: u64,
}

impl Backup {
    /// Makes the copy. Waits for whoever has a database file open, but not for a member that runs.
    ///
    /// # Errors
    /// When the member runs, its files are damaged or missing, there is something at the target, or it cannot be
    /// written; the text names it. Nothing of the copy is left then.
    pub fn run(&self, wait: Duration) -> Result<(), String> {
        let member_dir = self.backup_dir.join("member");
        let wal_dir = self.backup_wal_dir.clone().unwrap_or_else(|| member_dir.join("wal"));
        for taken in [&member_dir, &wal_dir] {
            if taken.exists() {
                return Err(format!("there is something at {} already", taken.display()));
            }
        }
        let was_there = self.backup_dir.exists();
        let done = Source::open(self, wait)
            .and_then(|source| self.write(source, &member_dir.join("snap"), &wal_dir));
        if done.is_err() {
            let _ = fs::remove_dir_all(&member_dir);
            let _ = fs::remove_dir_all(&wal_dir);
            if !was_there {
                let _ = fs::remove_dir(&self.backup_dir);
            }
        }
        done
    }

    fn write(&self, mut source: Source, snap_dir: &Path, wal_dir: &Path) -> Result<(), String> {
        make_dir(snap_dir)?;
        let id = member_id(&[PEER_URL.to_owned()], &format!("backup-{}", self.seed));
        let own = source.own_tables(id, self.with_v3)?;
        let rest = if self.with_v3 { Some(source.engine.checkpoint().map_err(text)?) } else { None };
        let export = Export::new(Box::new(Copy { own, rest })).map_err(text)?;
        write_database(&export, &snap_dir.join("db"))?;

        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let snapshot = export.snapshot()?;
        SnapStore::new(disk.clone(), snap_dir).save(&snapshot).map_err(text)?;
        if let Some(parent) = wal_dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_dir(parent)?;
        }
        let metadata = Metadata { node_id: Some(id), cluster_id: Some(cluster_id(&[id])) };
        let mut wal =
            Wal::create(disk, wal_dir, &metadata.encode_to_vec(), WalOptions::default()).map_err(text)?;
        let entries = source.entries(self.with_v3);
        let term = source.replay.hard_state.term().max(source.applied.term);
        let state = |commit| HardState { term: Some(term), vote: Some(id), commit: Some(commit) };
        wal.append(&[], Some(&state(source.applied.index)), true).map_err(text)?;
        wal.save_snapshot(&snapshot_record(&snapshot)).map_err(text)?;
        wal.append(&entries, Some(&state(source.committed)), true).map_err(text)?;
        wal.close().map_err(text)
    }
}

/// The member that is copied.
struct Source {
    engine: Arc<dyn Engine>,
    replay: Replay,
    applied: Applied,
    committed: u64,
    /// The v2 tree, if the data does not have it.
    tree: Option<Tree>,
    // Nobody else may open the engine meanwhile.
    _data: Offline,
}

impl Source {
    fn open(of: &Backup, wait: Duration) -> Result<Source, String> {
        let wal_dir = of.wal_dir.clone().unwrap_or_else(|| of.data_dir.join("member/wal"));
        if let Err(error) = wal_dir.metadata() {
            return Err(format!("stat {}: {}", wal_dir.display(), reason(&error)));
        }
        let replay = Wal::read_newest(&OsDisk, &wal_dir).map_err(text)?;
        let data = Offline::find(&of.data_dir, wait)?;
        let engine = data.engine(wait)?;
        let index = meta::applied_in(&*engine).map_err(text)?.index;
        let (start, last) = (replay.start.index(), replay.entries.last().map(Entry::index));
        let before = index.checked_sub(start).and_then(|entries| usize::try_from(entries).ok());
        let term = match before {
            Some(0) => Some(replay.start.term()),
            Some(entries) => replay.entries.get(entries - 1).map(Entry::term),
            None => None,
        };
        let term = term.ok_or_else(|| {
            let last = last.unwrap_or(start);
            format!("the data holds entries up to {index}, which are not in the log ({start} to {last})")
        })?;
        let tree = match &data {
            Offline::Engine(_) => None,
            Offline::File(_) => Some(v2_tree::until(&replay, &of.data_dir.join("member/snap"), index)?),
        };
        let committed = replay.hard_state.commit().clamp(index, last.unwrap_or(start).max(index));
        let applied = Applied { index, term };
        Ok(Source { engine, replay, applied, committed, tree, _data: data })
    }

    /// What is committed and not in the data, without who the members were.
    fn entries(&self, with_v3: bool) -> Vec<Entry> {
        let behind = self.replay.entries.iter();
        let behind =
            behind.filter(|entry| entry.index() > self.applied.index && entry.index() <= self.committed);
        behind.map(|entry| if is_kept(entry, with_v3) { entry.clone() } else { emptied(entry) }).collect()
    }

    /// The tables of the copy that are not the member's own.
    fn own_tables(&mut self, id: u64, with_v3: bool) -> Result<Buffer, String> {
        let mut batch = Batch::new();
        let mut copy = |key: &[u8], value: &[u8]| {
            if with_v3 || !COMPACTIONS.contains(&key) {
                batch.put(Table::Meta, key.to_vec(), value.to_vec());
            }
            ControlFlow::Continue(())
        };
        self.engine.scan(Table::Meta, &[], None, &mut copy).map_err(text)?;
        let voters = ConfState { voters: vec![id], ..ConfState::default() };
        let conf_state = Some(encode_state(&voters));
        Notes { applied: self.applied, conf_state, storage_version: None }.put_into(&mut batch);
        let member =
            Member { id, peer_urls: vec![PEER_URL.to_owned()], name: NAME.to_owned(), ..Member::default() };
        let json = serde_json::to_vec(&member).map_err(text)?;
        batch.put(Table::Members, format!("{id:x}").into_bytes(), json);
        let tables = Memory::new();
        tables.commit(&batch, Durability::Buffered).map_err(text)?;
        let own = Buffer::new(Arc::new(tables));
        if let Some(tree) = &mut self.tree {
            V2Records::replace(&own, tree).map_err(text)?;
        }
        Ok(own)
    }
}

/// Whether an entry says nothing of the members, and belongs to what is copied.
fn is_kept(entry: &Entry, with_v3: bool) -> bool {
    let Some(data) = entry.data.as_ref().filter(|data| !data.is_empty()) else { return false };
    if entry.r#type() != EntryType::EntryNormal {
        return false;
    }
    if v2_request(data).is_some() {
        return !matches!(v2_change(data), V2Change::Attributes { .. });
    }
    let says_who = |request: InternalRaftRequest| request.cluster_member_attr_set.is_some();
    with_v3 && !InternalRaftRequest::decode(data.clone()).is_ok_and(says_who)
}

/// An empty entry in its place, as new leaders append.
fn emptied(entry: &Entry) -> Entry {
    Entry { r#type: Some(EntryType::EntryNormal.into()), term: entry.term, index: entry.index, data: None }
}

/// The data of the copy: some tables of its own, the rest from the member.
struct Copy {
    own: Buffer,
    rest: Option<Box<dyn Checkpoint>>,
}

impl Checkpoint for Copy {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Stored<()> {
        match &self.rest {
            _ if OWN.contains(&table) => self.own.scan(table, from, None, visit),
            Some(rest) => rest.scan(table, from, visit),
            None => Ok(()),
        }
    }
}

/// Writes a database file, durably.
fn write_database(export: &Export, path: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot write {}: {error}", path.display());
    let layout = export.plan().map_err(|error| failed(&error))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| failed(&error))?;
    export.write(layout, &file).map_err(|error| failed(&error))?;
    let synced =
        file.sync_all().and_then(|()| path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all()));
    synced.map_err(|error: io::Error| failed(&error))
}

fn make_dir(dir: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| format!("cannot create {}: {}", dir.display(), reason(&error)))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
