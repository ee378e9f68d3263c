//! An open file of the disk in memory.

use std::io;

use super::content::{Content, SECTOR_BYTES};
use super::{Fault, MemDisk, State};
use crate::disk::DiskFile;

/// An open file of a [`MemDisk`].
pub(super) struct MemFile {
    pub(super) disk: MemDisk,
    pub(super) id: u64,
    pub(super) epoch: u64,
    pub(super) locked: bool,
}

impl MemFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        if state.epoch != self.epoch {
            return Err(io::Error::other("the process of this file has crashed"));
        }
        work(&mut state, self.id)
    }

    fn change<T>(&self, work: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        self.with(|state, id| {
            state.files.get_mut(&id).map(work).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }
}

impl DiskFile for MemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.change(|content| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.seen.len());
            let count = buf.len().min(content.seen.len() - start);
            buf[..count].copy_from_slice(&content.seen[start..start + count]);
            count
        })
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let fault = self.with(|state, _| Ok(state.change()))?;
        let start = usize::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let (bytes, outcome) = match fault {
            None => (bytes, Ok(())),
            Some(Fault::Error(kind)) => return Err(kind.into()),
            Some(Fault::ShortWrite(kept)) => {
                let end = start + kept.min(bytes.len());
                let kept = (end - end % SECTOR_BYTES).saturating_sub(start);
                (&bytes[..kept], Err(io::ErrorKind::StorageFull.into()))
            }
        };
        let end = start + bytes.len();
        let len = usize::try_from(self.len()?).unwrap_or(usize::MAX);
        self.with(|state, _| state.room_for(end.saturating_sub(len)))?;
        self.change(|content| {
            if end > content.seen.len() {
                content.resize(end);
            }
            content.seen[start..end].copy_from_slice(bytes);
            content.touch(start, end);
        })?;
        outcome
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.with(|state, _| state.check())?;
        self.change(Content::sync)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.with(|state, _| state.check())?;
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.change(|content| content.resize(len))
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        let growth = usize::try_from(len.saturating_sub(self.len()?)).unwrap_or(usize::MAX);
        if growth == 0 {
            return Ok(());
        }
        self.with(|state, _| state.check().and_then(|()| state.room_for(growth)))?;
        self.change(|content| content.resize(content.seen.len() + growth))
    }

    fn len(&self) -> io::Result<u64> {
        self.change(|content| content.seen.len() as u64)
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if self.locked && state.epoch == self.epoch {
            state.locked.remove(&self.id);
        }
    }
}
