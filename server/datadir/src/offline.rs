//! The data of a member that does not run: found, and kept from others meanwhile.

use crate::{Database, EngineHome, EngineOptions, FileEngine, Opened, altered::Altered, altered::Progress};
use oxetcd_machine::meta;
use oxetcd_storage::{Buffer, Engine};
use oxetcd_storage_bolt::{Error, Reader};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often a file that is in use is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// Where the data of a stopped member is: of an engine and a database, the one that stands at the higher index.
pub enum Offline {
    /// In an engine, which nobody else can open while this is held.
    Engine(Opened),
    /// In a database file in etcd's own format.
    File(PathBuf),
}

impl Offline {
    /// Finds the data below `data_dir`.
    ///
    /// # Errors
    /// When there is none, or it is in use or damaged; the text names it.
    pub fn find(data_dir: &Path, wait: Duration) -> Result<Self, String> {
        let snap_dir = data_dir.join("member/snap");
        let file = snap_dir.join("db");
        let Some(name) = EngineHome::found_in(&snap_dir) else {
            return match file.metadata() {
                Ok(_) => Ok(Offline::File(file)),
                Err(error) => Err(format!("stat {}: {}", file.display(), crate::reason(&error))),
            };
        };
        let opened = EngineHome::new(name, &snap_dir, EngineOptions { max_bytes: None })?.open()?;
        if file.exists() {
            let in_file = Database::from_reader(open_database(&file, wait)?, &file).notes()?.applied;
            let in_engine = meta::applied_in(&*opened.engine).map_err(|error| error.to_string())?;
            if in_file.index > in_engine.index {
                return Ok(Offline::File(file));
            }
        }
        Ok(Offline::Engine(opened))
    }

    /// The data, to be read.
    ///
    /// # Errors
    /// When the file cannot be opened; the text names it.
    pub fn engine(&self, wait: Duration) -> Result<Arc<dyn Engine>, String> {
        match self {
            Offline::Engine(opened) => Ok(opened.engine.clone()),
            Offline::File(path) => Ok(Arc::new(FileEngine::new(open_database(path, wait)?))),
        }
    }

    /// The data as a store's lower half, to be read.
    ///
    /// # Errors
    /// As [`Offline::engine`].
    pub fn buffer(&self, wait: Duration) -> Result<Arc<Buffer>, String> {
        Ok(Arc::new(Buffer::new(self.engine(wait)?)))
    }

    /// Gives room that is not used back to the file system.
    ///
    /// # Errors
    /// When the data is in use or damaged, or there is no room for the copy that is made meanwhile.
    pub fn defragment(&self, wait: Duration, progress: &mut Progress<'_>) -> Result<(), String> {
        match self {
            Offline::Engine(opened) => opened.engine.defragment().map_err(|error| error.to_string()),
            Offline::File(path) => {
                let reader = open_database(path, wait)?;
                let damaged = |error: Error| format!("{}: {error}", path.display());
                reader.check().map_err(damaged)?;
                Altered::new(&reader).map_err(damaged)?.write(path, progress)
            }
        }
    }
}

/// Index of the last entry of the log that the data holds.
///
/// # Errors
/// When the data cannot be read.
pub fn applied_index(buffer: &Buffer) -> Result<u64, String> {
    meta::applied_in(&**buffer.engine()).map(|applied| applied.index).map_err(|error| error.to_string())
}

/// Opens a database file, and waits for a writer to close it; for ever, when `wait` is 0.
///
/// # Errors
/// When it is missing or damaged, or still in use; the text names it.
pub fn open_database(path: &Path, wait: Duration) -> Result<Reader, String> {
    let began = Instant::now();
    loop {
        match Reader::open(path) {
            Err(Error::InUse) if wait.is_zero() || began.elapsed() < wait => thread::sleep(RETRY_EVERY),
            opened => return opened.map_err(|error| format!("cannot read {}: {error}", path.display())),
        }
    }
}
