//! The files of an open log: those it holds, and the one it will need next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{WalError, io_error};
use super::name::{SegmentName, list_segments};
use crate::disk::{Disk, DiskFile, Open};

/// A segment that is held open, and so locked.
pub(super) struct Segment {
    name: SegmentName,
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

impl Segment {
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> Result<(), WalError> {
        self.file.write_at(bytes, offset).map_err(io_error("write", &self.path))
    }

    pub(super) fn sync(&mut self) -> Result<(), WalError> {
        self.file.sync_data().map_err(io_error("sync", &self.path))
    }

    pub(super) fn truncate(&mut self, len: u64) -> Result<(), WalError> {
        self.file.set_len(len).map_err(io_error("truncate", &self.path))
    }
}

/// The segments of a log.
pub(super) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    /// Locked segments, oldest first; the last one is written.
    held: Vec<Segment>,
    /// An empty file of full size, under a temporary name.
    next: Option<(PathBuf, Box<dyn DiskFile>)>,
    prepared: u64,
}

impl Segments {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        files: Vec<(SegmentName, Box<dyn DiskFile>)>,
        segment_bytes: u64,
    ) -> Segments {
        let segment =
            |(name, file): (SegmentName, _)| Segment { name, path: dir.join(name.file_name()), file };
        let held = files.into_iter().map(segment).collect();
        let mut segments =
            Segments { disk, dir: dir.to_owned(), segment_bytes, held, next: None, prepared: 0 };
        segments.prepare_or_warn();
        segments
    }

    /// The segment being written.
    pub(super) fn last(&mut self) -> Result<&mut Segment, WalError> {
        self.held.last_mut().ok_or_else(|| WalError::NotFound(self.dir.clone()))
    }

    fn prepare(&mut self) -> Result<(PathBuf, Box<dyn DiskFile>), WalError> {
        let path = self.dir.join(format!("{}.tmp", self.prepared % 2));
        let mut file = self.disk.open(&path, Open::Create).map_err(io_error("create", &path))?;
        file.allocate(self.segment_bytes).map_err(io_error("allocate", &path))?;
        self.prepared += 1;
        Ok((path, file))
    }

    /// Prepares the next segment if it can: there is time until the cut to make room.
    fn prepare_or_warn(&mut self) {
        match self.prepare() {
            Ok(next) => self.next = Some(next),
            Err(error) => tracing::warn!(%error, "cannot prepare the next segment of the log"),
        }
    }

    /// Makes the prepared file the last segment. It keeps its temporary name until
    /// [`Segments::name_last`].
    pub(super) fn take_next(&mut self) -> Result<(), WalError> {
        let (path, file) = match self.next.take() {
            Some(next) => next,
            None => self.prepare()?,
        };
        let sequence = self.last()?.name.sequence + 1;
        self.held.push(Segment { name: SegmentName { sequence, first_index: 0 }, path, file });
        Ok(())
    }

    /// Gives the last segment its real name, durably, and prepares another.
    pub(super) fn name_last(&mut self, first_index: u64) -> Result<(), WalError> {
        let (disk, dir) = (Arc::clone(&self.disk), self.dir.clone());
        let segment = self.last()?;
        segment.name.first_index = first_index;
        let path = dir.join(segment.name.file_name());
        disk.rename(&segment.path, &path).map_err(io_error("rename", &segment.path))?;
        segment.path = path;
        disk.sync_dir(&dir).map_err(io_error("sync", &dir))?;
        self.prepare_or_warn();
        Ok(())
    }

    /// Drops the segments before the one in which the entry at `index` is.
    pub(super) fn release_to(&mut self, index: u64) {
        let keep_from = self.held.iter().rposition(|segment| segment.name.first_index < index).unwrap_or(0);
        self.held.drain(..keep_from);
    }

    pub(super) fn purge(&mut self, keep_files: usize) -> Result<usize, WalError> {
        let names = list_segments(self.disk.as_ref(), &self.dir)?;
        let oldest_held = self.held.first().map_or(0, |segment| segment.name.sequence);
        let surplus = names.len().saturating_sub(keep_files);
        let mut removed = 0;
        for name in names.into_iter().take(surplus).take_while(|name| name.sequence < oldest_held) {
            let path = self.dir.join(name.file_name());
            match self.disk.open(&path, Open::Write) {
                // Somebody reads it; the ones after it must stay too, or there would be a gap.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                other => drop(other.map_err(io_error("lock", &path))?),
            }
            self.disk.remove_file(&path).map_err(io_error("remove", &path))?;
            removed += 1;
        }
        if removed > 0 {
            self.disk.sync_dir(&self.dir).map_err(io_error("sync", &self.dir))?;
        }
        Ok(removed)
    }
}
