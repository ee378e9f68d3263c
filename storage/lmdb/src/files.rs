//! The engine's directory.
//!
//! ```text
//!   lock             held by the process that uses the directory
//!   data.7.mdb       the data; defragmenting writes data.8.mdb and then removes it
//!   data.7.mdb-lock  LMDB's table of readers
//!   *.tmp            being written; a crash leaves it behind, and the next open removes it
//! ```
//!
//! A data file appears under its name only when it is whole and on the device. Of two, the higher number is
//! the one that counts: no commit went to the lower one after the higher appeared.

use crate::{error::from_io, os};
use oxetcd_storage::{Doomed, Error, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// LMDB's lock file holds a table of readers: this much is room for some 2,000 at once.
const READERS_FILE_BYTES: u64 = 128 << 10;

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
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = options.open(&lock_path).map_err(|error| from_io(&error, &lock_path))?;
        match os::try_lock(&lock) {
            Ok(true) => Ok(Dir { path: path.to_owned(), _lock: lock }),
            Ok(false) => Err(Error::Locked(path.display().to_string())),
            Err(error) => Err(from_io(&error, &lock_path)),
        }
    }

    /// The data file of a generation.
    pub(crate) fn data_path(&self, generation: u64) -> PathBuf {
        self.path.join(format!("data.{generation}.mdb"))
    }

    /// The name of a data file until it is whole.
    pub(crate) fn temporary_path(&self, generation: u64) -> PathBuf {
        self.path.join(format!("data.{generation}.mdb.tmp"))
    }

    /// The highest generation there is. Removes what crashes left behind.
    pub(crate) fn clean(&self) -> Result<Option<u64>> {
        let failed = |error: std::io::Error| from_io(&error, &self.path);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        let newest = names.iter().filter_map(|name| generation(name.strip_suffix(".mdb")?)).max();
        for name in &names {
            let stem = name.split_once(".mdb").map(|(stem, _)| stem);
            let is_ours = stem.and_then(generation).is_some();
            let is_current = newest.is_some() && stem.and_then(generation) == newest;
            if is_ours && (!is_current || name.ends_with(".tmp") || name.ends_with(".tmp-lock")) {
                fs::remove_file(self.path.join(name)).map_err(failed)?;
            }
        }
        Ok(newest)
    }

    /// Gives the whole file of a generation its name, for good. It may be open meanwhile.
    pub(crate) fn publish(&self, generation: u64) -> Result<PathBuf> {
        let (from, to) = (self.temporary_path(generation), self.data_path(generation));
        let publish = || {
            fs::rename(readers_path(&from), readers_path(&to))?;
            fs::rename(&from, &to)?;
            File::open(&self.path)?.sync_all()
        };
        publish().map_err(|error| {
            // Or the next open would take it for the newest, whatever was committed to the old one since.
            drop(self.remove(&to));
            from_io(&error, &to)
        })?;
        Ok(to)
    }

    /// Removes the names of a generation that another took the place of, or of one that was not finished. Open readers
    /// still see it: what is answered with is to be dropped behind the last of them.
    pub(crate) fn remove(&self, path: &Path) -> Option<Doomed> {
        // What stays behind by accident is removed at the next open.
        let _ = fs::remove_file(readers_path(path));
        Doomed::unlink(path).ok()
    }
}

/// The number in `data.<number>`.
fn generation(stem: &str) -> Option<u64> {
    stem.strip_prefix("data.")?.parse().ok()
}

fn readers_path(data: &Path) -> PathBuf {
    let mut path = data.as_os_str().to_owned();
    path.push("-lock");
    path.into()
}

/// Gives LMDB's lock file its room. LMDB would only set its length and write through a map: on a full disk
/// that kills the process.
pub(crate) fn prepare_lock_file(data: &Path) -> Result<()> {
    let path = readers_path(data);
    let prepare = || {
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let missing = READERS_FILE_BYTES.saturating_sub(file.metadata()?.len());
        file.write_all(&vec![0; missing as usize])
    };
    prepare().map_err(|error| from_io(&error, &path))
}
