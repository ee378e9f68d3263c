//! The way back: a data dir that came from etcd's own server stays one that it can start on.
//!
//! That server works on `member/snap/db` and replays the log behind it, from the newest snapshot record on. So at
//! every clean stop the file is written anew with this member's state, and a snapshot record made that says so.
//! The engine stays beside it: whichever of the two stands at the higher index counts at the next start.

use super::install;
use crate::adapters::{Database, Export};
use oxetcd_consensus::{Disk, SnapStore, Wal, WalOptions, driver::snapshot_record};
use oxetcd_storage::Buffer;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The files that etcd's own server reads.
#[derive(Clone)]
pub(crate) struct WayBack {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) snap_dir: PathBuf,
    pub(crate) wal_dir: PathBuf,
    pub(crate) wal_options: WalOptions,
}

impl WayBack {
    /// Writes the state for etcd's own server, if the data dir came from it. Nobody may use the log meanwhile,
    /// and everything in `buffer` must have been applied from it.
    ///
    /// # Errors
    /// When something cannot be written. The state in the engine is not touched.
    pub(crate) fn write(&self, buffer: &Buffer) -> Result<(), String> {
        let path = install::go_path(&self.snap_dir);
        if !path.exists() {
            return Ok(());
        }
        let export = Export::new(buffer.checkpoint().map_err(text)?).map_err(text)?;
        let snapshot = export.snapshot()?;
        let record = snapshot_record(&snapshot);
        let stands_at = Database::open(&path).and_then(|database| database.notes());
        if stands_at.is_ok_and(|notes| notes.applied.index >= record.index()) {
            return Ok(());
        }
        self.replace(&path, &export).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        SnapStore::new(self.disk.clone(), &self.snap_dir).save(&snapshot).map_err(text)?;
        let (mut wal, _) =
            Wal::open_newest(self.disk.clone(), &self.wal_dir, self.wal_options).map_err(text)?;
        wal.save_snapshot(&record).map_err(text)?;
        wal.close().map_err(text)?;
        tracing::info!(path = %path.display(), index = record.index(), "wrote database for etcd's own server");
        Ok(())
    }

    /// Whoever opens the file finds all of the old one or all of the new one.
    fn replace(&self, path: &Path, export: &Export) -> Result<(), String> {
        // Removed at the next start if this is interrupted.
        let temporary = self.snap_dir.join("tmp-db");
        let done = write(&temporary, export).and_then(|()| {
            fs::rename(&temporary, path).and_then(|()| sync_dir(&self.snap_dir)).map_err(text)
        });
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done
    }
}

fn write(path: &Path, export: &Export) -> Result<(), String> {
    let layout = export.plan().map_err(text)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(text)?;
    export.write(layout, &file).map_err(text)?;
    file.sync_all().map_err(text)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
