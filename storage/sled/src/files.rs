//! The engine's directory.
//!
//! ```text
//!   lock          held by the process that uses the directory
//!   db.7/         sled's files; defragmenting writes db.8 and then removes this
//!   db.8/making   it is not whole yet; a crash leaves it behind, and the next open removes it all
//! ```
//!
//! Inside a database the file `format` says whose it is. A database is whole, and on the device, once it has no file
//! `making` any more; of two, the higher number counts. sled knows its files by their path, so that an open database cannot
//! be renamed: hence that file.

use crate::error::from_io;
use oxetcd_storage::{Doomed, Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What the file `format` says. A newer one is refused.
const FORMAT: &str = "oxetcd sled 1\n";

/// Where it says so.
const FORMAT_FILE: &str = "format";
/// The file of a database that is not whole.
const MAKING: &str = "making";
/// How long sled's threads may take to end.
const END_PATIENCE: Duration = Duration::from_secs(30);
const END_POLL: Duration = Duration::from_millis(5);

/// A directory that is ours alone.
pub(crate) struct Dir {
    path: PathBuf,
    _lock: File,
}

impl Dir {
    /// Makes the directory if needed, and takes it.
    pub(crate) fn lock(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| from_io(&error, path))?;
        let lock_path = path.join("lock");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = open().map_err(|error| from_io(&error, &lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from) {
            Ok(()) => Ok(Dir { path: path.to_owned(), _lock: lock }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(Error::Locked(path.display().to_string()))
            }
            Err(error) => Err(from_io(&error, &lock_path)),
        }
    }

    /// The database of a generation.
    pub(crate) fn db_path(&self, generation: u64) -> PathBuf {
        self.path.join(format!("db.{generation}"))
    }

    /// Makes the directory of a new database, which counts only once it is finished.
    pub(crate) fn make(&self, generation: u64) -> Result<PathBuf> {
        let path = self.db_path(generation);
        let temporary = self.path.join(format!("db.{generation}.tmp"));
        let make = || {
            remove(&path)?;
            remove(&temporary)?;
            fs::create_dir(&temporary)?;
            for (name, text) in [(MAKING, ""), (FORMAT_FILE, FORMAT)] {
                let mut file = File::create_new(temporary.join(name))?;
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
            }
            File::open(&temporary)?.sync_all()?;
            // Never there without the file that says that it is not whole.
            fs::rename(&temporary, &path)?;
            File::open(&self.path)?.sync_all()
        };
        make().map_err(|error| from_io(&error, &path))?;
        Ok(path)
    }

    /// The database of a generation is whole: it counts from now on. It may be open.
    pub(crate) fn finish(&self, generation: u64) -> Result<()> {
        let path = self.db_path(generation);
        let finish = || {
            sync_tree(&path)?;
            fs::remove_file(path.join(MAKING))?;
            File::open(&path)?.sync_all()
        };
        finish().map_err(|error| from_io(&error, &path))
    }

    /// Whether a database is there that counts, or may count.
    pub(crate) fn is_whole(&self, generation: u64) -> bool {
        let path = self.db_path(generation);
        path.exists() && !path.join(MAKING).exists()
    }

    /// Removes a database that was not finished.
    pub(crate) fn give_up(&self, generation: u64) {
        if !self.is_whole(generation) {
            // What stays behind by accident is removed at the next open.
            let _ = remove(&self.db_path(generation));
        }
    }

    /// The highest generation that is whole. Removes what crashes left behind.
    pub(crate) fn clean(&self) -> Result<Option<u64>> {
        let failed = |error: io::Error| from_io(&error, &self.path);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        let found = names.iter().filter_map(|name| generation(name));
        let newest = found.filter(|generation| self.is_whole(*generation)).max();
        for name in &names {
            let is_old = generation(name).is_some_and(|generation| Some(generation) != newest);
            if is_old || name.strip_suffix(".tmp").and_then(generation).is_some() {
                remove(&self.path.join(name)).map_err(failed)?;
            }
        }
        newest.map(|generation| self.check_format(generation).map(|()| generation)).transpose()
    }

    fn check_format(&self, generation: u64) -> Result<()> {
        let path = self.db_path(generation).join(FORMAT_FILE);
        let corrupt = |what: &str| Error::Corrupt(format!("{}: {what}", path.display()));
        match fs::read(&path) {
            Ok(format) if format == FORMAT.as_bytes() => Ok(()),
            Ok(format) if format.starts_with(b"oxetcd sled ") => Err(corrupt("is of a newer program")),
            Ok(_) => Err(corrupt("does not say that this is a database of oxetcd")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(corrupt("is missing")),
            Err(error) => Err(from_io(&error, &path)),
        }
    }
}

/// The number in `db.<number>`.
fn generation(name: &str) -> Option<u64> {
    name.strip_prefix("db.")?.parse().ok()
}

/// Removes a database if it is there; last of all what says that it is not whole, in case that this is interrupted.
fn remove(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != MAKING {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(path)
}

/// What is left of a database that another one took the place of: files without names. To be dropped behind the database.
#[derive(Default)]
pub(crate) struct Remains {
    files: Vec<Doomed>,
    /// The one that sled holds locked while it uses any of them.
    locked: Option<File>,
}

impl Remains {
    /// Takes the names from all files of the database at `path`, as far as that goes.
    pub(crate) fn of(path: &Path) -> Remains {
        let locked = File::open(path.join("db")).ok();
        // What stays behind by accident is removed at the next open.
        Remains { files: Doomed::unlink_all(path), locked }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let (files, Some(locked)) = (std::mem::take(&mut self.files), self.locked.take()) else { return };
        let wait = move || {
            let began = Instant::now();
            while flock(&locked, FlockOperation::NonBlockingLockExclusive).is_err()
                && began.elapsed() < END_PATIENCE
            {
                std::thread::sleep(END_POLL);
            }
            drop(files);
        };
        // Without a thread their room is given back at once.
        let _ = std::thread::Builder::new().name("remains".into()).spawn(wait);
    }
}

/// Flushes all files of a directory, and the directory.
fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}
