//! Installing a database: all of a member's state exchanged for that of a file in etcd's format.
//!
//! There are three of them. A leader sends one to a member that lags too far behind (`<index>.snap.db`). A start
//! finds the same file when the process was killed before it was installed. And `db` is what etcd's own server
//! works on: it is ahead of the engine when that server ran on this data dir last.

use crate::{
    adapters::{self, Database, EngineHome, Opened},
    conf_change,
};
use oxetcd_consensus::{
    RestoredLog,
    raftpb::{ConfChange, ConfChangeType, ConfState, Entry, EntryType, SnapshotMetadata},
};
use oxetcd_machine::meta::{self, Applied, Notes};
use oxetcd_storage::{Batch, Buffer, Durability};
use prost::Message;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// The data of a member, and where it is.
pub(crate) struct State {
    pub(crate) buffer: Arc<Buffer>,
    /// The engine's directory; `None` for one that has none.
    pub(crate) dir: Option<PathBuf>,
    /// Whether they were taken over from a database file just now.
    pub(crate) taken: bool,
}

impl From<Opened> for State {
    fn from(opened: Opened) -> Self {
        State { buffer: Arc::new(Buffer::new(opened.engine)), dir: opened.dir, taken: false }
    }
}

impl State {
    /// How far the log has been applied to it.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub(crate) fn applied(&self) -> Result<Applied, String> {
        meta::applied(&self.buffer).map_err(text)
    }

    /// Closes it, and removes its files.
    fn discard(self) {
        drop(self.buffer);
        if let Some(Err(error)) = self.dir.as_deref().map(adapters::remove) {
            // It is tried again at the next start.
            tracing::warn!(%error, "cannot remove the data that was exchanged");
        }
    }
}

/// The database that came with the snapshot at `index`.
pub(crate) fn snapshot_path(snap_dir: &Path, index: u64) -> PathBuf {
    snap_dir.join(format!("{index:016x}.snap.db"))
}

/// The database of etcd's own server.
pub(crate) fn go_path(snap_dir: &Path) -> PathBuf {
    snap_dir.join("db")
}

/// Makes the database that came with a snapshot the engine's data. The old engine is left alone.
///
/// # Errors
/// When the file is missing, damaged, or not the snapshot's; the text names it.
pub(crate) fn install_snapshot(home: &EngineHome, metadata: &SnapshotMetadata) -> Result<Opened, String> {
    let path = snapshot_path(home.snap_dir(), metadata.index());
    let database = Database::open(&path)
        .map_err(|error| format!("the snapshot at {} cannot be restored: {error}", metadata.index()))?;
    let mut notes = database.notes()?;
    if notes.applied.index < metadata.index() {
        return Err(format!(
            "{} stands at {}, but it came with the snapshot at {}",
            path.display(),
            notes.applied.index,
            metadata.index()
        ));
    }
    if notes.applied.index == metadata.index() {
        notes.applied.term = metadata.term();
    }
    if let (None, Some(state)) = (&notes.conf_state, &metadata.conf_state) {
        notes.conf_state = Some(conf_change::encode_state(state));
    }
    install(home, &database, &notes, &path)
}

/// Opens the engine. The database of etcd's own server becomes its data if it is ahead of the engine; the file
/// is kept.
///
/// # Errors
/// When the engine cannot be opened, or the file is damaged or in use; the text names it.
pub(crate) fn open(home: &EngineHome) -> Result<State, String> {
    let state = State::from(home.open()?);
    let path = go_path(home.snap_dir());
    if !path.exists() {
        return Ok(state);
    }
    let database = Database::open(&path)?;
    let notes = database.notes()?;
    if notes.applied.index <= state.applied()?.index {
        return Ok(state);
    }
    let installed = install(home, &database, &notes, &path)?;
    state.discard();
    Ok(State { taken: true, ..installed.into() })
}

fn install(home: &EngineHome, database: &Database, notes: &Notes, path: &Path) -> Result<Opened, String> {
    let began = Instant::now();
    tracing::info!(path = %path.display(), index = notes.applied.index, "installing database");
    let opened = home.make(notes.applied.index, |engine| {
        database.copy_to(engine)?;
        let mut batch = Batch::new();
        notes.put_into(&mut batch);
        engine.commit(&batch, Durability::Synced).map_err(|error| error.to_string())
    })?;
    tracing::info!(took = ?began.elapsed(), index = notes.applied.index, "installed database");
    Ok(opened)
}

/// Brings the data up to where the log begins, when the process was killed before it installed a snapshot.
///
/// # Errors
/// As [`install_snapshot`].
pub(crate) fn catch_up(home: &EngineHome, state: State, log: &RestoredLog) -> Result<State, String> {
    if state.applied()?.index >= log.snapshot_index {
        return Ok(state);
    }
    let metadata = SnapshotMetadata {
        conf_state: Some(log.conf_state.clone()),
        index: Some(log.snapshot_index),
        term: Some(log.snapshot_term),
    };
    let installed = install_snapshot(home, &metadata)?;
    state.discard();
    Ok(State { taken: true, ..installed.into() })
}

/// The voters and learners as of what `buffer` has applied. Databases of etcd 3.4 and older do not say it, nor
/// the term: the log does.
///
/// # Errors
/// When the engine cannot be read, or holds no configuration.
pub(crate) fn conf_state(buffer: &Buffer, log: &RestoredLog) -> Result<ConfState, String> {
    let mut applied = meta::applied(buffer).map_err(text)?;
    if applied.index == log.snapshot_index && !log.conf_state.voters.is_empty() {
        // The record at this very index knows. The data may not: a restore by etcd 3.5 leaves the voters of the old
        // cluster in it.
        meta::set_conf_state(&buffer.begin(), conf_change::encode_state(&log.conf_state));
        return Ok(log.conf_state.clone());
    }
    if let Some(json) = meta::conf_state(buffer).map_err(text)? {
        return conf_change::decode_state(&json);
    }
    if applied.index <= log.snapshot_index {
        return Ok(log.conf_state.clone());
    }
    let mut state = log.conf_state.clone();
    for entry in log.entries.iter().take_while(|entry| entry.index() <= applied.index) {
        if applied.term == 0 && entry.index() == applied.index {
            applied.term = entry.term();
        }
        if entry.r#type() == EntryType::EntryConfChange {
            change(&mut state, entry);
        }
    }
    let step = buffer.begin();
    meta::set_applied(&step, applied);
    meta::set_conf_state(&step, conf_change::encode_state(&state));
    Ok(state)
}

fn change(state: &mut ConfState, entry: &Entry) {
    let Ok(change) = ConfChange::decode(entry.data.clone().unwrap_or_default()) else { return };
    let (id, kind) = (change.node_id(), change.r#type());
    if kind == ConfChangeType::ConfChangeUpdateNode {
        return;
    }
    state.voters.retain(|voter| *voter != id);
    state.learners.retain(|learner| *learner != id);
    match kind {
        ConfChangeType::ConfChangeAddNode => state.voters.push(id),
        ConfChangeType::ConfChangeAddLearnerNode => state.learners.push(id),
        _ => {}
    }
    state.voters.sort_unstable();
    state.learners.sort_unstable();
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_storage::Memory;

    fn change_entry(index: u64, kind: ConfChangeType, id: u64) -> Entry {
        let change = ConfChange { r#type: Some(kind.into()), node_id: Some(id), ..Default::default() };
        Entry {
            r#type: Some(EntryType::EntryConfChange.into()),
            index: Some(index),
            term: Some(3),
            data: Some(change.encode_to_vec().into()),
        }
    }

    fn buffer_at(index: u64) -> Buffer {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        meta::set_applied(&buffer.begin(), Applied { index, term: 0 });
        buffer
    }

    #[test]
    fn a_database_without_a_configuration_gets_that_of_the_log() -> Result<(), String> {
        use ConfChangeType::{ConfChangeAddLearnerNode, ConfChangeAddNode, ConfChangeRemoveNode};
        let log = RestoredLog {
            snapshot_index: 10,
            conf_state: ConfState { voters: vec![1, 2], ..Default::default() },
            entries: vec![
                change_entry(11, ConfChangeAddLearnerNode, 4),
                change_entry(12, ConfChangeAddNode, 3),
                change_entry(13, ConfChangeRemoveNode, 1),
                // Not applied yet.
                change_entry(14, ConfChangeAddNode, 4),
            ],
            ..RestoredLog::default()
        };
        let buffer = buffer_at(13);
        let state = conf_state(&buffer, &log)?;
        assert_eq!((&state.voters[..], &state.learners[..]), (&[2, 3][..], &[4][..]));
        // It is noted, with the term that the log knows.
        assert_eq!(meta::applied(&buffer).map_err(text)?, Applied { index: 13, term: 3 });
        assert_eq!(conf_state(&buffer, &RestoredLog::default())?.voters, [2, 3]);
        // One that stands where the log begins has the record's.
        assert_eq!(conf_state(&buffer_at(10), &log)?, log.conf_state);
        // So has one whose database still names the voters of the cluster that it was saved in.
        let restored = buffer_at(10);
        meta::set_conf_state(&restored.begin(), br#"{"voters":[99],"auto_leave":false}"#.to_vec());
        assert_eq!(conf_state(&restored, &log)?, log.conf_state);
        // And it is noted: the log may have gone on by the next start.
        assert_eq!(conf_state(&restored, &RestoredLog::default())?.voters, log.conf_state.voters);
        Ok(())
    }
}
