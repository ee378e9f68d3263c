//! A disk in memory that fails the way disks do, and the same way again for the same seed.
//!
//! Two states are kept: what the process sees, and what would be found after a power cut. A file's bytes move
//! from the first to the second with `sync_data`, names with `sync_dir`. [`MemDisk::crash`] draws, from a
//! seed, which 512-byte sectors and which name changes made it to the medium although nobody asked.

mod content;
mod file;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use content::{Content, Random};
use file::MemFile;
use names::{NameChange, Names, moved};

use super::{Disk, DiskFile, Open};

/// What goes wrong, once, at an operation that changes the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation does nothing and fails with this kind.
    Error(io::ErrorKind),
    /// A write leaves at most this many of its bytes, up to the end of a sector (file systems run out of space
    /// in blocks), and fails with `StorageFull`; any other operation just fails so.
    ShortWrite(usize),
}

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    names: Names,
    durable_names: Names,
    /// Changes of names since their directory was synced, oldest first, each with that directory.
    pending: Vec<(PathBuf, NameChange)>,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    locked: BTreeSet<u64>,
    /// Open files of an earlier epoch are dead: the process that had them has crashed.
    epoch: u64,
    fault: Option<(u64, Fault)>,
    changes: u64,
    capacity_bytes: Option<u64>,
}

impl State {
    /// Counts a change and takes the fault that is due at it.
    fn change(&mut self) -> Option<Fault> {
        self.changes += 1;
        match &mut self.fault {
            Some((0, fault)) => {
                let fault = *fault;
                self.fault = None;
                Some(fault)
            }
            Some((wait, _)) => {
                *wait -= 1;
                None
            }
            None => None,
        }
    }

    fn check(&mut self) -> io::Result<()> {
        match self.change() {
            None => Ok(()),
            Some(Fault::Error(kind)) => Err(kind.into()),
            Some(Fault::ShortWrite(_)) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn rename_pending(&mut self, from: &Path, to: &Path) {
        for (dir, change) in &mut self.pending {
            if let Some(new) = moved(dir, from, to) {
                *dir = new;
                if let NameChange::File(path, _) | NameChange::Dir(path) | NameChange::Remove(path) = change {
                    *path = moved(path, from, to).unwrap_or_else(|| path.clone());
                }
            }
        }
    }

    fn record(&mut self, path: &Path, change: NameChange) {
        self.names.apply(&change);
        if let NameChange::Rename(from, to) = &change {
            self.rename_pending(&from.clone(), &to.clone());
        }
        self.pending.push((path.parent().unwrap_or(Path::new("")).to_owned(), change));
    }

    fn room_for(&self, growth: usize) -> io::Result<()> {
        let used: usize = self.files.values().map(|file| file.seen.len()).sum();
        match self.capacity_bytes {
            Some(capacity) if (used + growth) as u64 > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl MemDisk {
    /// An empty disk.
    pub fn new() -> MemDisk {
        MemDisk::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the operation after the next `skip` changing ones fail.
    pub fn fail_after(&self, skip: u64, fault: Fault) {
        self.state().fault = Some((skip, fault));
    }

    /// How many changing operations there have been: a bound for [`MemDisk::fail_after`].
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Limits the sum of all file lengths; `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Cuts the power. Files that are open are dead afterwards; the disk holds what was synced, and of the
    /// rest what `seed` says.
    pub fn crash(&self, seed: u64) {
        let mut guard = self.state();
        let state = &mut *guard;
        let mut random = Random(seed);
        let kept = random.below(state.pending.len() as u64 + 1) as usize;
        for (_, change) in state.pending.drain(..).take(kept) {
            state.durable_names.apply(&change);
        }
        state.pending.clear();
        state.names = state.durable_names.clone();
        for content in state.files.values_mut() {
            content.crash(&mut random);
        }
        state.locked.clear();
        state.fault = None;
        state.epoch += 1;
    }

    /// A file's bytes as the process sees them.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let id = state.names.files.get(path)?;
        state.files.get(id).map(|file| file.seen.clone())
    }

    /// Changes a file's bytes behind everybody's back, as rot does. `change` may alter the length.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if let Some(file) = state.names.files.get(path).copied().and_then(|id| state.files.get_mut(&id)) {
            change(&mut file.seen);
            file.durable.clone_from(&file.seen);
            file.dirty.clear();
        }
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let found = state.names.files.get(path).copied();
        let id = match (how, found) {
            (Open::Read | Open::Write, None) => return Err(io::ErrorKind::NotFound.into()),
            (_, Some(id)) => id,
            (Open::Create, None) => {
                if !path.parent().is_some_and(|dir| state.names.dirs.contains(dir)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.check()?;
                let id = state.next_file;
                state.next_file += 1;
                state.files.insert(id, Content::default());
                state.record(path, NameChange::File(path.to_owned(), id));
                id
            }
        };
        let locked = how != Open::Read;
        if locked && !state.locked.insert(id) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let (Open::Create, Some(content)) = (how, state.files.get_mut(&id)) {
            content.resize(0);
        }
        Ok(Box::new(MemFile { disk: self.clone(), id, epoch: state.epoch, locked }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.names.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.names.files.keys().chain(&state.names.dirs);
        let inside = all.filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let missing: Vec<_> = dir.ancestors().filter(|path| !state.names.dirs.contains(*path)).collect();
        for path in missing.into_iter().rev() {
            state.record(path, NameChange::Dir(path.to_owned()));
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if !state.names.files.contains_key(from) && !state.names.dirs.contains(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.record(to, NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if !state.names.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.record(path, NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if state.names.dirs.contains(dir) {
            state.record(dir, NameChange::Remove(dir.to_owned()));
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut guard = self.state();
        guard.check()?;
        let state = &mut *guard;
        let (done, pending): (Vec<_>, _) =
            std::mem::take(&mut state.pending).into_iter().partition(|(parent, _)| parent == dir);
        state.pending = pending;
        for (_, change) in done {
            state.durable_names.apply(&change);
        }
        Ok(())
    }
}
