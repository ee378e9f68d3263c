//! The engine's directory.
//!
//! ```text
//!   lock     held by the process that uses the directory
//!   db/      RocksDB's files, and the file `format` that says whose they are
//!   db.tmp/  the same while it is made; a crash leaves it behind, and the next open removes it
//! ```

use crate::error::from_io;
use oxetcd_storage::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What the file `format` says. A newer one is refused.
const FORMAT: &str = "oxetcd rocksdb 1\n";

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

    /// The path of the database, which `make` makes at another path if there is none.
    pub(crate) fn database(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let (path, temporary) = (self.path.join("db"), self.path.join("db.tmp"));
        let failed = |error: io::Error| from_io(&error, &temporary);
        if path.exists() {
            check_format(&path)?;
            return Ok(path);
        }
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(failed)?;
        }
        fs::create_dir(&temporary).map_err(failed)?;
        make(&temporary)?;
        let publish = || {
            let mut format = File::create_new(temporary.join("format"))?;
            format.write_all(FORMAT.as_bytes())?;
            format.sync_all()?;
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.path)?.sync_all()
        };
        publish().map_err(failed)?;
        Ok(path)
    }
}

fn check_format(database: &Path) -> Result<()> {
    let path = database.join("format");
    let corrupt = |what: &str| Error::Corrupt(format!("{}: {what}", path.display()));
    match fs::read(&path) {
        Ok(format) if format == FORMAT.as_bytes() => Ok(()),
        Ok(format) if format.starts_with(b"oxetcd rocksdb ") => Err(corrupt("is of a newer program")),
        Ok(_) => Err(corrupt("does not say that this is a database of oxetcd")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(corrupt("is missing")),
        Err(error) => Err(from_io(&error, &path)),
    }
}
