//! One open sled database: the tables of one generation.

use crate::{
    Options,
    error::{catch, from_sled},
    files::{Dir, Remains},
    undo::{Undo, View},
};
use bytes::Bytes;
use oxetcd_storage::{Error, Op, Result, Table, Visit};
use parking_lot::RwLock;
use sled::{Db, IVec};
use std::{
    collections::BTreeMap,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// A record that every database has: sled takes files that it cannot read for empty ones.
const MARK: &[u8] = &[0xff, b'm', b'a', b'r', b'k'];
/// The bytes of all keys and values; sled does not know them.
const LIVE: &[u8] = &[0xff, b'l', b'i', b'v', b'e'];

/// How long sled's threads may take to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// An open database.
pub(crate) struct Store {
    db: Db,
    undo: Arc<Undo>,
    /// Written while a batch is applied: views begin before or after it.
    gate: RwLock<()>,
    /// As the record of that name.
    live: AtomicU64,
    path: PathBuf,
    /// Whether to remove the files when the last reader is gone.
    is_replaced: AtomicBool,
    /// The files then. Behind the database itself.
    remains: Remains,
    /// The directory stays locked until then.
    _dir: Arc<Dir>,
}

/// A change with what it replaces.
struct Change<'v> {
    key: IVec,
    old: Option<IVec>,
    new: Option<&'v Bytes>,
}

/// A key with its table's byte in front.
pub(crate) fn full_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table as u8);
    full.extend_from_slice(key);
    full
}

impl Store {
    /// Opens the database at `path`; `is_new` if there is none yet.
    pub(crate) fn open(dir: Arc<Dir>, path: &Path, is_new: bool, options: &Options) -> Result<Self> {
        let failed = |error| from_sled(error, path);
        let (db, live) = catch(path, || {
            let db = open_patiently(path, options)?;
            if is_new {
                db.insert(MARK, &[]).map_err(failed)?;
                db.flush().map_err(failed)?;
            } else if db.get(MARK).map_err(failed)?.is_none() {
                return Err(Error::Corrupt(format!("{}: damaged, or not of oxetcd", path.display())));
            }
            let live = db.get(LIVE).map_err(failed)?.and_then(|live| live[..].try_into().ok());
            Ok((db, live.map_or(0, u64::from_be_bytes)))
        })?;
        Ok(Store {
            db,
            undo: Arc::default(),
            gate: RwLock::new(()),
            live: AtomicU64::new(live),
            path: path.to_owned(),
            is_replaced: AtomicBool::new(false),
            remains: Remains::default(),
            _dir: dir,
        })
    }

    /// Where the files are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The files are no longer needed once the last reader is gone.
    pub(crate) fn replaced(&self) {
        self.is_replaced.store(true, Ordering::Release);
    }

    pub(crate) fn failed(&self, error: sled::Error) -> Error {
        from_sled(error, &self.path)
    }

    /// The value of `key`.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<IVec>> {
        self.db.get(full_key(table, key)).map_err(|error| self.failed(error))
    }

    /// Sees what is there now. Waits while a batch is applied.
    pub(crate) fn view(&self) -> View {
        let _gate = self.gate.read_recursive();
        self.undo.view()
    }

    /// Applies the changes of a batch, all at once for readers and for recovery. They are not flushed yet. The
    /// caller is the only writer.
    pub(crate) fn apply(&self, ops: &[Op]) -> Result<()> {
        let mut changes = BTreeMap::new();
        for Op { table, key, value } in ops {
            changes.insert(full_key(*table, key), value.as_ref());
        }
        let changes = self.with_old(changes)?;
        let mut batch = sled::Batch::default();
        let mut live = self.live_bytes();
        let bytes = |key: &IVec, value: usize| (key.len() + value) as u64;
        for Change { key, old, new } in &changes {
            live = live.saturating_sub(old.as_ref().map_or(0, |old| bytes(key, old.len())));
            match new {
                Some(new) => {
                    live += bytes(key, new.len());
                    batch.insert(key, &new[..]);
                }
                None => batch.remove(key),
            }
        }
        batch.insert(LIVE, &live.to_be_bytes());
        let _gate = self.gate.write();
        self.undo.begin(changes.into_iter().map(|change| (change.key, change.old)));
        self.db.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.live.store(live, Ordering::Relaxed);
        Ok(())
    }

    /// Finds out what the values are that changes replace.
    fn with_old<'v>(&self, changes: BTreeMap<Vec<u8>, Option<&'v Bytes>>) -> Result<Vec<Change<'v>>> {
        let mut last: Option<(u8, Option<IVec>)> = None;
        let mut out = Vec::with_capacity(changes.len());
        for (key, new) in changes {
            let table = key[0];
            let last_key = match &mut last {
                Some((of, key)) if *of == table => key,
                last => {
                    let found = self.db.get_lt([table + 1]).map_err(|error| self.failed(error))?;
                    let key = found.map(|(key, _)| key).filter(|key| key[0] == table);
                    &mut last.insert((table, key)).1
                }
            };
            // New revisions lie behind all there are, so they need no lookup.
            let is_new = last_key.as_ref().is_none_or(|last| last[..] < key[..]);
            let old = if is_new { None } else { self.db.get(&key).map_err(|error| self.failed(error))? };
            out.push(Change { key: key.into(), old, new });
        }
        Ok(out)
    }

    /// Flushes what was committed.
    pub(crate) fn flush(&self) -> Result<()> {
        self.db.flush().map(drop).map_err(|error| self.failed(error))
    }

    /// Visits a range as `view` sees it.
    pub(crate) fn scan(
        &self,
        view: &View,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let from = full_key(table, from);
        let to = to.map_or_else(|| vec![table as u8 + 1], |to| full_key(table, to));
        let mut records = self.db.range::<&[u8], _>((Bound::Included(&from[..]), Bound::Excluded(&to[..])));
        let mut last = Bound::Included(IVec::from(from));
        loop {
            let record = records.next().transpose().map_err(|error| self.failed(error))?;
            let after = last.as_ref().map(|key| &key[..]);
            let found = record.as_ref().map(|(key, _)| &key[..]);
            let mut is_changed = false;
            for (key, old) in view.changed(after, found, table as u8) {
                if key[..] >= to[..] {
                    break;
                }
                is_changed = Some(&key[..]) == found;
                if old.is_some_and(|old| visit(&key[1..], &old).is_break()) {
                    return Ok(());
                }
            }
            let Some((key, value)) = record else { return Ok(()) };
            if !is_changed && visit(&key[1..], &value).is_break() {
                return Ok(());
            }
            last = Bound::Excluded(key);
        }
    }

    /// Bytes of the files.
    pub(crate) fn size_bytes(&self) -> Result<u64> {
        self.db.size_on_disk().map_err(|error| self.failed(error))
    }

    /// Bytes of all keys and values.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }
}

/// Opens the database, though its last user may still be at it: sled's threads let go of the files a little
/// after the last handle is gone. Nobody else can have them, since the directory is ours.
fn open_patiently(path: &Path, options: &Options) -> Result<Db> {
    let config = sled::Config::new().path(path).cache_capacity(options.cache_bytes);
    let config = config.mode(sled::Mode::HighThroughput);
    let mut waited = Duration::ZERO;
    loop {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                if waited >= LOCK_PATIENCE {
                    return Err(Error::Locked(format!("{}: {error}", path.display())));
                }
            }
            result => return result.map_err(|error| from_sled(error, path)),
        }
        std::thread::sleep(LOCK_POLL);
        waited += LOCK_POLL;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.is_replaced.load(Ordering::Acquire) {
            self.remains = Remains::of(&self.path);
        }
    }
}
