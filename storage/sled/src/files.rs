//! The engine's directory.
//!
//! ```text
//!   lock    held by the process that uses the directory
//!   db.7/   sled's files; defragmenting writes db.8 and then removes this
//!   *.tmp/  being written; a crash leaves it behind, and the next open removes it
//! ```
//!
//! Inside a database the file `format` says whose it is. A database appears under its name only when it is
//! whole and on the device; of two, the higher number counts.

use crate::error::from_io;
use oxetcd_storage::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What the file `format` says. A newer one is refused.
const FORMAT: &str = "oxetcd sled 1\n";

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

    /// A database of a generation until it is whole, empty but for its format.
    pub(crate) fn make_temporary(&self, generation: u64) -> Result<PathBuf> {
        let path = self.path.join(format!("db.{generation}.tmp"));
        let make = || {
            remove(&path)?;
            fs::create_dir(&path)?;
            let mut format = File::create_new(path.join("format"))?;
            format.write_all(FORMAT.as_bytes())?;
            format.sync_all()
        };
        make().map_err(|error| from_io(&error, &path))?;
        Ok(path)
    }

    /// Gives the whole, closed database of a generation its name.
    pub(crate) fn publish(&self, temporary: &Path, generation: u64) -> Result<PathBuf> {
        let path = self.db_path(generation);
        let publish = || {
            sync_tree(temporary)?;
            fs::rename(temporary, &path)?;
            File::open(&self.path)?.sync_all()
        };
        publish().map_err(|error| {
            // Or the next open would take it for the newest, whatever was committed to the old one since.
            let _ = remove(&path);
            from_io(&error, &path)
        })?;
        Ok(path)
    }

    /// The highest generation there is. Removes what crashes left behind.
    pub(crate) fn clean(&self) -> Result<Option<u64>> {
        let failed = |error: io::Error| from_io(&error, &self.path);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        let newest = names.iter().filter_map(|name| generation(name)).max();
        for name in &names {
            let is_old = generation(name).is_some_and(|generation| Some(generation) != newest);
            if is_old || name.strip_suffix(".tmp").and_then(generation).is_some() {
                remove(&self.path.join(name)).map_err(failed)?;
            }
        }
        newest.map(|generation| self.check_format(generation).map(|()| generation)).transpose()
    }

    fn check_format(&self, generation: u64) -> Result<()> {
        let path = self.db_path(generation).join("format");
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

/// Removes a directory if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
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
