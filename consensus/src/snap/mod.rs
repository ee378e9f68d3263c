//! Snapshot files, in etcd's format.
//!
//! A file `<term>-<index>.snap` (both as 16 hex digits) holds a `raftpb::Snapshot` in a wrapper with its
//! checksum. What is in the snapshot is the caller's affair; for etcd it is the membership, while the keys are
//! in the database beside it. The record in the log comes after the file, so a file that no record names is
//! the remains of a crash, and a file that cannot be read is renamed to `.broken` and passed over.

mod error;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
pub use error::SnapError;
use error::io_error;
use prost::Message;

use crate::disk::{Disk, Open};
use crate::pb::{raftpb, snappb, walpb};

const SUFFIX: &str = ".snap";
const DATABASE_SUFFIX: &str = ".snap.db";

/// The snapshot files of a directory.
pub struct SnapStore {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl SnapStore {
    /// Looks after the snapshots in `dir`, which exists.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> SnapStore {
        SnapStore { disk, dir: dir.to_owned() }
    }

    /// Writes a snapshot, durably.
    ///
    /// # Errors
    /// [`SnapError::Io`]; then the file is removed as far as possible.
    pub fn save(&self, snapshot: &raftpb::Snapshot) -> Result<(), SnapError> {
        let metadata = snapshot.metadata.clone().unwrap_or_default();
        let path = self.path(metadata.term(), metadata.index());
        let data = snapshot.encode_to_vec();
        let wrapper = snappb::Snapshot { crc: Some(crc32c::crc32c(&data)), data: Some(data.into()) };
        let done = self.write(&path, &wrapper.encode_to_vec());
        if done.is_err() {
            // The file is useless; if it cannot be removed either, loading passes it over.
            let _ = self.disk.remove_file(&path);
        }
        done
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SnapError> {
        let mut file = self.disk.open(path, Open::Create).map_err(io_error("create", path))?;
        file.write_at(bytes, 0).map_err(io_error("write", path))?;
        file.sync_data().map_err(io_error("sync", path))?;
        self.disk.sync_dir(&self.dir).map_err(io_error("sync", &self.dir))
    }

    /// The newest snapshot that can be read; with `in_log`, the newest that the log has a record of.
    ///
    /// # Errors
    /// [`SnapError::Io`] if the directory cannot be listed. Files that are damaged are renamed, not reported.
    pub fn load_newest(
        &self,
        in_log: Option<&[walpb::Snapshot]>,
    ) -> Result<Option<raftpb::Snapshot>, SnapError> {
        for name in self.names()?.iter().rev() {
            let path = self.dir.join(name);
            let snapshot = match self.read(&path) {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    tracing::warn!(%error, "passing over a snapshot file");
                    let _ = self.disk.rename(&path, &self.dir.join(format!("{name}.broken")));
                    continue;
                }
            };
            let metadata = snapshot.metadata.clone().unwrap_or_default();
            let known = |record: &walpb::Snapshot| {
                (record.term(), record.index()) == (metadata.term(), metadata.index())
            };
            if in_log.is_none_or(|records| records.iter().any(known)) {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }

    /// Reads the snapshot of this term and index.
    ///
    /// # Errors
    /// As [`SnapStore::read`].
    pub fn load(&self, term: u64, index: u64) -> Result<raftpb::Snapshot, SnapError> {
        self.read(&self.path(term, index))
    }

    fn path(&self, term: u64, index: u64) -> PathBuf {
        self.dir.join(format!("{term:016x}-{index:016x}{SUFFIX}"))
    }

    /// Reads one file.
    ///
    /// # Errors
    /// [`SnapError::Io`], or [`SnapError::Corrupt`].
    pub fn read(&self, path: &Path) -> Result<raftpb::Snapshot, SnapError> {
        let corrupt = |reason| SnapError::Corrupt { path: path.to_owned(), reason };
        let file = self.disk.open(path, Open::Read).map_err(io_error("open", path))?;
        let mut bytes = vec![0; file.len().map_err(io_error("read", path))? as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], filled as u64).map_err(io_error("read", path))? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        let wrapper =
            snappb::Snapshot::decode(Bytes::from(bytes)).map_err(|_| corrupt("not a snapshot file"))?;
        let crc = wrapper.crc();
        let data = wrapper.data.unwrap_or_default();
        // No checksum of a snapshot is zero in practice; a file of zeros must not pass for one.
        if data.is_empty() || crc == 0 {
            return Err(corrupt("empty"));
        }
        if crc32c::crc32c(&data) != crc {
            return Err(corrupt("checksum mismatch"));
        }
        raftpb::Snapshot::decode(data).map_err(|_| corrupt("not a snapshot"))
    }

    /// Removes all but the newest `keep` files. Returns how many it removed.
    ///
    /// # Errors
    /// [`SnapError::Io`].
    pub fn purge(&self, keep: usize) -> Result<usize, SnapError> {
        let names = self.names()?;
        let surplus = names.len().saturating_sub(keep);
        self.remove(names.iter().take(surplus))
    }

    /// Removes received databases (`<index>.snap.db`) that are older than the snapshot at `index`. Returns
    /// how many it removed.
    ///
    /// # Errors
    /// [`SnapError::Io`].
    pub fn release_databases(&self, index: u64) -> Result<usize, SnapError> {
        let names = self.list()?;
        let old = |name: &&String| {
            let hex = name.strip_suffix(DATABASE_SUFFIX);
            hex.and_then(|hex| u64::from_str_radix(hex, 16).ok()).is_some_and(|found| found < index)
        };
        self.remove(names.iter().filter(old))
    }

    fn remove<'a>(&self, names: impl Iterator<Item = &'a String>) -> Result<usize, SnapError> {
        let mut removed = 0;
        for path in names.map(|name| self.dir.join(name)) {
            match self.disk.remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(io_error("remove", &path))?,
            }
            removed += 1;
        }
        Ok(removed)
    }

    fn list(&self) -> Result<Vec<String>, SnapError> {
        self.disk.list(&self.dir).map_err(io_error("list", &self.dir))
    }

    /// Names of the snapshot files, oldest first.
    fn names(&self) -> Result<Vec<String>, SnapError> {
        let is_snapshot = |name: &String| {
            let parts = name.strip_suffix(SUFFIX).and_then(|stem| stem.split_once('-'));
            let hex = |text: &str| text.len() == 16 && u64::from_str_radix(text, 16).is_ok();
            parts.is_some_and(|(term, index)| hex(term) && hex(index))
        };
        let mut names: Vec<_> = self.list()?.into_iter().filter(is_snapshot).collect();
        names.sort_unstable();
        Ok(names)
    }
}
