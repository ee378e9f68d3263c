//! From a checkpoint of an engine to a database in etcd's file format: for clients, for members that lag too far
//! behind, and for etcd's own server when a data dir goes back to it.
//!
//! A database is self-contained: who voted, which members there were and how far the log had been applied are
//! read from the same checkpoint as the keys, so that all of it is of one moment.

use crate::{conf_state, membership_json};
use oxetcd_consensus::raftpb::{Snapshot, SnapshotMetadata};
use oxetcd_machine::{
    Members, V2Records,
    meta::{self, Notes},
};
use oxetcd_storage::{Batch, Buffer, Checkpoint, Durability, Engine, Memory, Table, Visit};
use oxetcd_storage_bolt::{ExportError, Layout, plan, write};
use std::{io::Write, ops::ControlFlow, sync::Arc};

/// Why a database was not written.
pub type ExportFailure = ExportError<oxetcd_storage::Error>;

/// Tables that say who the members are. They are small.
const MEMBERSHIP: [Table; 3] = [Table::Members, Table::MembersRemoved, Table::Cluster];
/// The first layout that names itself in the database.
const NAMED_LAYOUT: (u64, u64) = (3, 6);

/// A database that is still to be written.
pub struct Export {
    checkpoint: Box<dyn Checkpoint>,
    notes: Notes,
}

impl Export {
    /// A database of what `checkpoint` shows.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn new(checkpoint: Box<dyn Checkpoint>) -> oxetcd_storage::Result<Self> {
        let mut notes = Notes::default();
        checkpoint.scan(Table::Meta, &[], &mut |key, value| {
            notes.take(key, value);
            ControlFlow::Continue(())
        })?;
        Ok(Export { checkpoint, notes })
    }

    /// Version of the layout as text; empty when there is none.
    pub fn storage_version(&self) -> &str {
        self.notes.storage_version.as_deref().unwrap_or_default()
    }

    /// The snapshot whose database this is, for raft and for a `.snap` file.
    ///
    /// # Errors
    /// When the engine cannot be read, or is damaged.
    pub fn snapshot(&self) -> Result<Snapshot, String> {
        let conf_state = self.notes.conf_state.as_deref().map(conf_state::decode_state).transpose()?;
        let applied = self.notes.applied;
        let metadata = SnapshotMetadata { conf_state, index: Some(applied.index), term: Some(applied.term) };
        let members = self.members().map_err(|error| error.to_string())?;
        let (cluster, _) = membership_json::cluster(&members);
        let records = V2Records::in_checkpoint(&*self.checkpoint).map_err(|error| error.to_string())?;
        let data = Some(records.open()?.save(Some(&cluster))?.into_bytes().into());
        Ok(Snapshot { data, metadata: Some(metadata) })
    }

    fn members(&self) -> oxetcd_storage::Result<Members> {
        let mut batch = Batch::new();
        for table in MEMBERSHIP {
            self.checkpoint.scan(table, &[], &mut |key, value| {
                batch.put(table, key.to_vec(), value.to_vec());
                ControlFlow::Continue(())
            })?;
        }
        let tables = Memory::new();
        tables.commit(&batch, Durability::Buffered)?;
        Members::open(&Buffer::new(Arc::new(tables)))
    }

    /// Sizes the file: reads everything once.
    ///
    /// # Errors
    /// When the engine cannot be read, or a record cannot be in such a file.
    pub fn plan(&self) -> Result<Layout, ExportFailure> {
        plan(&buckets(), |at, visit| self.scan(Table::ALL[at], visit))
    }

    /// Writes the planned file front to back, and gives `out` back.
    ///
    /// # Errors
    /// As [`Export::plan`], and when `out` fails.
    pub fn write<W: Write>(&self, layout: Layout, out: W) -> Result<W, ExportFailure> {
        write(&buckets(), layout, out, |at, visit| self.scan(Table::ALL[at], visit))
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> oxetcd_storage::Result<()> {
        let named =
            meta::version_parts(self.storage_version()).is_some_and(|version| version >= NAMED_LAYOUT);
        if table != Table::Meta || named {
            return self.checkpoint.scan(table, &[], visit);
        }
        // Older programs know their layout by what is not there.
        self.checkpoint.scan(table, &[], &mut |key, value| {
            if key == meta::STORAGE_VERSION { ControlFlow::Continue(()) } else { visit(key, value) }
        })
    }
}

fn buckets() -> [&'static str; Table::ALL.len()] {
    Table::ALL.map(Table::name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    fn exported(version: &str) -> Result<(Notes, Notes), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let notes = Notes {
            applied: meta::Applied { index: 7, term: 2 },
            conf_state: Some(br#"{"voters":[5],"auto_leave":false}"#.to_vec()),
            storage_version: Some(version.to_owned()),
        };
        let (engine, mut batch) = (Memory::new(), Batch::new());
        notes.put_into(&mut batch);
        batch.put(Table::Members, &b"5"[..], &br#"{"id":5,"peerURLs":["http://a:1"]}"#[..]);
        batch.put(Table::Key, vec![1; 17], vec![2; 100_000]);
        engine.commit(&batch, Durability::Buffered).map_err(|error| text(&error))?;
        let export = Export::new(engine.checkpoint().map_err(|error| text(&error))?);
        let export = export.map_err(|error| text(&error))?;

        let metadata = export.snapshot()?.metadata.unwrap_or_default();
        assert_eq!((metadata.index(), metadata.term()), (7, 2));
        assert_eq!(metadata.conf_state.map(|state| state.voters), Some(vec![5]));

        let file = tempfile::NamedTempFile::new().map_err(|error| text(&error))?;
        let layout = export.plan().map_err(|error| text(&error))?;
        export.write(layout, file.as_file()).map_err(|error| text(&error))?;
        let database = Database::open(file.path())?;
        let copy = Memory::new();
        database.copy_to(&copy)?;
        let value = copy.get(Table::Key, &[1; 17]).map_err(|error| text(&error))?;
        assert_eq!(value.as_deref(), Some(&[2; 100_000][..]));
        Ok((notes, database.notes()?))
    }

    #[test]
    fn a_database_holds_all_and_says_so_of_itself() -> Result<(), String> {
        let (notes, found) = exported("3.7.0")?;
        assert_eq!(found, notes);
        Ok(())
    }

    #[test]
    fn layouts_older_than_3_6_do_not_name_themselves() -> Result<(), String> {
        let (notes, found) = exported("3.5.0")?;
        assert_eq!(found, Notes { storage_version: None, ..notes });
        Ok(())
    }
}
