//! Where an engine's files are, and how all of its data is exchanged for other data.
//!
//! ```text
//!   lmdb                     what a new member writes
//!   lmdb.0000000000002a17    the same, made from a database that stood at this index of the log
//!   lmdb.tmp                 such a one while it is made
//! ```
//!
//! A directory gets its name when it is whole and on the device, so of several the one with the highest index
//! counts, and the others are remains: of an exchange whose process was killed, or of the time before it.

use crate::engine::{ENGINES, EngineOptions, check_known, open_compiled};
use oxetcd_storage::{Batch, Durability, Engine};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The engine that keeps nothing on disk.
const VOLATILE: &str = "memory";

/// An open engine and its directory; `None` for one that has none.
pub struct Opened {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Its directory.
    pub dir: Option<PathBuf>,
}

/// The directories of one engine.
#[derive(Clone, Debug)]
pub struct EngineHome {
    name: String,
    snap_dir: PathBuf,
    options: EngineOptions,
}

impl EngineHome {
    /// The home of engine `name` below `snap_dir`.
    ///
    /// # Errors
    /// When there is no such engine, or the directory holds another engine's data; the text says which.
    pub fn new(name: &str, snap_dir: &Path, options: EngineOptions) -> Result<Self, String> {
        check_known(name)?;
        let home = EngineHome { name: name.to_owned(), snap_dir: snap_dir.to_owned(), options };
        home.refuse_others()?;
        Ok(home)
    }

    /// Name of the engine that has data below `snap_dir`, if one has.
    pub fn found_in(snap_dir: &Path) -> Option<&'static str> {
        let options = EngineOptions { max_bytes: None };
        ENGINES.iter().map(|(name, _)| *name).find(|name| {
            let home = EngineHome { name: (*name).to_owned(), snap_dir: snap_dir.to_owned(), options };
            *name != VOLATILE && home.generations().is_ok_and(|found| !found.is_empty())
        })
    }

    /// Whether the engine forgets everything when the process ends.
    pub fn is_volatile(&self) -> bool {
        self.name == VOLATILE
    }

    /// Where the member's snapshots and databases are.
    pub fn snap_dir(&self) -> &Path {
        &self.snap_dir
    }

    /// Opens the newest data, or makes an empty engine. Removes what is older or was never finished.
    ///
    /// # Errors
    /// When the engine was not compiled in, or its files cannot be opened.
    pub fn open(&self) -> Result<Opened, String> {
        if self.is_volatile() {
            return self.open_at(&self.snap_dir.join(&self.name));
        }
        let mut generations = self.generations()?;
        let newest = generations.pop().map_or_else(|| self.snap_dir.join(&self.name), |(_, path)| path);
        let opened = self.open_at(&newest)?;
        let old = generations.into_iter().map(|(_, path)| path);
        for path in old.chain([self.temporary()]) {
            remove(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
        }
        Ok(opened)
    }

    /// Makes an engine that holds what `fill` puts into it, durably, and opens it. `index` is where in the log
    /// that stands: higher than that of any data here. The old data is left alone.
    ///
    /// # Errors
    /// What `fill` says, or that of the engine or the file system. There is no new engine then.
    pub fn make(
        &self,
        index: u64,
        fill: impl FnOnce(&dyn Engine) -> Result<(), String>,
    ) -> Result<Opened, String> {
        if self.is_volatile() {
            let opened = self.open_at(&self.snap_dir)?;
            fill(&*opened.engine)?;
            return Ok(opened);
        }
        let (temporary, path) = (self.temporary(), self.snap_dir.join(format!("{}.{index:016x}", self.name)));
        let failed = |error: io::Error| format!("cannot make {}: {error}", temporary.display());
        remove(&temporary).map_err(failed)?;
        let made = self.open_at(&temporary).and_then(|opened| {
            fill(&*opened.engine)?;
            let synced = opened.engine.commit(&Batch::new(), Durability::Synced);
            synced.map_err(|error| error.to_string())
        });
        let published = made.and_then(|()| {
            // The engine is closed by now.
            fs::rename(&temporary, &path).and_then(|()| sync_dir(&self.snap_dir)).map_err(failed)
        });
        if let Err(error) = published {
            // What stays behind by accident is removed at the next start.
            let _ = remove(&temporary);
            return Err(error);
        }
        self.open_at(&path)
    }

    fn temporary(&self) -> PathBuf {
        self.snap_dir.join(format!("{}.tmp", self.name))
    }

    fn open_at(&self, path: &Path) -> Result<Opened, String> {
        let opened = open_compiled(&self.name, path, self.options).ok_or_else(|| {
            let feature = ENGINES.iter().find(|(known, _)| *known == self.name).and_then(|(_, f)| *f);
            format!(
                "storage backend {:?} was not compiled into this program: build it with `--features {}`",
                self.name,
                feature.unwrap_or(&self.name)
            )
        })?;
        let dir = (!self.is_volatile()).then(|| path.to_owned());
        opened
            .map(|engine| Opened { engine, dir })
            .map_err(|error| format!("cannot open the {} engine in {}: {error}", self.name, path.display()))
    }

    /// Directories with whole data, oldest first.
    fn generations(&self) -> Result<Vec<(u64, PathBuf)>, String> {
        let failed = |error: io::Error| format!("cannot read {}: {error}", self.snap_dir.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.snap_dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let index = entry.file_name().to_str().and_then(|name| generation(name, &self.name));
            found.extend(index.map(|index| (index, entry.path())));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The data is in one engine; starting with another one beside it would show an empty store.
    fn refuse_others(&self) -> Result<(), String> {
        for (other, _) in ENGINES.iter().filter(|(other, _)| *other != self.name) {
            let home = EngineHome { name: (*other).to_owned(), ..self.clone() };
            // A directory that is not there yet holds nothing of others either.
            if let Some((_, path)) = home.generations().unwrap_or_default().pop() {
                return Err(format!(
                    "the data is in the {other} engine ({}): start with `--backend {other}`",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

/// The index in a directory's name; 0 for the one without.
fn generation(file_name: &str, engine: &str) -> Option<u64> {
    match file_name.strip_prefix(engine)?.strip_prefix('.') {
        None => (file_name == engine).then_some(0),
        Some(hex) if hex.len() == 16 => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
    }
}

/// Removes a directory if it is there.
///
/// # Errors
/// Those of the file system.
pub fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_storage::Table;

    const OPTIONS: EngineOptions = EngineOptions { max_bytes: None };

    fn refusal(name: &str, dir: &Path) -> String {
        let opened = EngineHome::new(name, dir, OPTIONS).and_then(|home| home.open());
        opened.err().unwrap_or_default()
    }

    fn home(name: &str, dir: &Path) -> Result<EngineHome, String> {
        EngineHome::new(name, dir, OPTIONS)
    }

    fn put(engine: &dyn Engine, value: &'static [u8]) -> Result<(), String> {
        let mut batch = Batch::new();
        batch.put(Table::Meta, &b"key"[..], value);
        engine.commit(&batch, Durability::Synced).map_err(|error| error.to_string())
    }

    fn value(opened: &Opened) -> Option<Vec<u8>> {
        opened.engine.get(Table::Meta, b"key").expect("it can be read").map(|value| value.to_vec())
    }

    #[test]
    fn an_unknown_engine_is_refused_with_the_known_ones() {
        let error = refusal("bolt", Path::new("/nonexistent"));
        assert!(error.contains("memory, lmdb, sled, rocksdb"), "{error}");
    }

    #[test]
    #[cfg(not(feature = "rocksdb"))]
    fn an_engine_that_was_not_compiled_in_names_its_feature() -> io::Result<()> {
        let error = refusal("rocksdb", tempfile::tempdir()?.path());
        assert!(error.contains("--features rocksdb"), "{error}");
        Ok(())
    }

    #[test]
    fn data_of_another_engine_is_refused() -> io::Result<()> {
        for name in ["sled", "sled.000000000000002a"] {
            let dir = tempfile::tempdir()?;
            fs::create_dir(dir.path().join(name))?;
            let error = refusal("memory", dir.path());
            assert!(error.contains("--backend sled"), "{error}");
        }
        Ok(())
    }

    #[test]
    #[cfg(all(feature = "lmdb", feature = "sled"))]
    fn made_data_takes_the_place_of_the_old_at_the_next_start() -> Result<(), String> {
        for name in ["lmdb", "sled"] {
            let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
            let home = home(name, dir.path())?;
            let old = home.open()?;
            put(&*old.engine, b"old")?;
            let failed = home.make(6, |engine| put(engine, b"half").and(Err("no".to_owned())));
            assert_eq!(failed.err().as_deref(), Some("no"));
            for (index, text) in [(7, &b"seven"[..]), (0x1f, b"thirty-one")] {
                let made = home.make(index, |engine| put(engine, text))?;
                assert_eq!(value(&made).as_deref(), Some(text));
                assert_eq!(value(&old).as_deref(), Some(&b"old"[..]), "whoever reads the old data goes on");
            }
            drop(old);
            fs::create_dir(dir.path().join(format!("{name}.tmp"))).map_err(|error| error.to_string())?;
            let again = home.open()?;
            assert_eq!(value(&again).as_deref(), Some(&b"thirty-one"[..]));
            let left = fs::read_dir(dir.path()).map_err(|error| error.to_string())?;
            let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
            assert_eq!(left, [format!("{name}.000000000000001f").as_str()]);
        }
        Ok(())
    }

    #[test]
    fn memory_is_exchanged_in_memory() -> Result<(), String> {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let home = home("memory", dir.path())?;
        let made = home.make(7, |engine| put(engine, b"seven"))?;
        assert_eq!((value(&made).as_deref(), made.dir), (Some(&b"seven"[..]), None));
        Ok(())
    }
}
