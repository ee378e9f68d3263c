//! The engine itself: which file is current, and who may write it.

use crate::{
    Options,
    checkpoint::LmdbCheckpoint,
    copy,
    env::{Env, Usage},
    error::{NAME, engine, from_code},
    files::Dir,
    long_keys,
    raw::{self, WriteTxn},
    reader::Reader,
    room::{Demand, Room},
};
use bytes::Bytes;
use lmdb::Error as Code;
use oxetcd_storage::{
    Batch, Checkpoint, Durability, Engine, Error, Meanwhile, Op, Result, Size, Table, Visit, VisitFound,
    catch_up,
};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{path::Path, sync::Arc};

/// A change in the middle of a table counts for this much of the map: the kernel maps a page's neighbours, too.
const SEEK_BYTES: usize = 64 << 10;

/// The LMDB engine over one directory.
pub struct Lmdb {
    dir: Arc<Dir>,
    options: Options,
    /// Replaced by defragmenting; who has the old one may go on reading it.
    env: RwLock<Arc<Env>>,
    writer: Mutex<Writer>,
    /// Signalled when a copy has caught up with what was committed beside it, or was given up.
    caught_up: Condvar,
    /// Held while the file is copied: one copy at a time.
    copying: Mutex<()>,
    /// Bytes that hold no data, as of a commit: finding them out walks a list.
    free: Mutex<Option<(Usage, u64)>>,
}

/// What only the one writer uses.
struct Writer {
    generation: u64,
    room: Room,
    /// How the environment flushes now.
    durability: Durability,
    /// While the file is copied: what was committed since the copy's view was taken.
    meanwhile: Option<Meanwhile>,
}

impl Lmdb {
    /// Opens the engine in the directory `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Locked`] while another process, or another engine of this one, uses the directory;
    /// [`Error::Corrupt`] for a file that is not ours, of a newer format or cut short.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let dir = Arc::new(Dir::lock(path.as_ref())?);
        let (generation, env) = match dir.clean()? {
            Some(generation) => {
                (generation, Env::open(dir.clone(), &dir.data_path(generation), false, &options)?)
            }
            None => {
                let mut env = Env::open(dir.clone(), &dir.temporary_path(1), true, &options)?;
                env.renamed(dir.publish(1)?);
                (1, env)
            }
        };
        let writer = Writer::new(generation, Room::new(&env)?);
        Ok(Lmdb {
            dir,
            options,
            env: RwLock::new(Arc::new(env)),
            writer: Mutex::new(writer),
            caught_up: Condvar::new(),
            copying: Mutex::new(()),
            free: Mutex::default(),
        })
    }

    fn env(&self) -> Arc<Env> {
        self.env.read().clone()
    }

    /// A dense copy of `old`, as `reader` sees it, in the file of the next generation, which does not have its name
    /// yet.
    fn copy_to_temporary(&self, old: &Env, reader: &Reader<'_>, generation: u64) -> Result<(Env, Writer)> {
        let path = self.dir.temporary_path(generation);
        let new = Env::open(self.dir.clone(), &path, true, &self.options)?;
        let mut room = Room::new(&new)?;
        room.take_for_copy(&new, old.usage()?.total_bytes.saturating_sub(old.free_bytes()?))?;
        copy::copy(old, reader.txn(), &new, self.options.map_limit_bytes())?;
        room.cover(&new)?;
        room.trim(&new)?;
        Ok((new, Writer::new(generation, room)))
    }

    /// Copies `old` and puts the copy in its place. `reader` sees what was there when `meanwhile` began.
    fn replace(&self, old: &Env, reader: Reader<'_>, generation: u64) -> Result<()> {
        let (mut new, mut next) = self.copy_to_temporary(old, &reader, generation)?;
        // From here on the old file's free pages may be used again.
        drop(reader);
        let repeat = |batch: &Batch| {
            let demand = Demand::of(batch, new.page_bytes());
            next.room.take(&new, demand, self.options.max_bytes)?;
            next.commit(&new, batch.ops(), demand, &self.options)
        };
        let mut writer = catch_up(&self.writer, &self.caught_up, repeat, || new.sync())?;
        new.set_sync(true)?;
        new.sync()?;
        new.renamed(self.dir.publish(generation)?);
        *writer = next;
        *self.env.write() = Arc::new(new);
        *self.free.lock() = None;
        Ok(())
    }
}

impl AsMut<Option<Meanwhile>> for Writer {
    fn as_mut(&mut self) -> &mut Option<Meanwhile> {
        &mut self.meanwhile
    }
}

impl Writer {
    fn new(generation: u64, room: Room) -> Self {
        Writer { generation, room, durability: Durability::Synced, meanwhile: None }
    }

    fn set_durability(&mut self, env: &Env, durability: Durability) -> Result<()> {
        if self.durability != durability {
            env.set_meta_sync(durability == Durability::Synced)?;
            self.durability = durability;
        }
        Ok(())
    }

    fn commit(&mut self, env: &Env, ops: &[Op], demand: Demand, options: &Options) -> Result<()> {
        loop {
            match env.write(|txn| apply(txn, env, ops)) {
                Ok(()) => break,
                Err(Code::MapFull) if env.grow(options.map_limit_bytes())? => {}
                Err(code) => return Err(self.explain(env, code, demand)),
            }
        }
        self.room.cover(env)
    }

    fn explain(&self, env: &Env, code: Code, demand: Demand) -> Error {
        let is_exhausted = || self.room.is_exhausted(env, demand).unwrap_or(false);
        if code == Code::Other(libc::EIO) && is_exhausted() {
            return from_code(Code::Other(libc::ENOSPC), env.path());
        }
        env.error(code)
    }
}

/// Writes the changes of a batch. Keys that come in order behind all others, as revisions do, are appended,
/// which is faster and leaves no page half empty.
fn apply(txn: &mut WriteTxn<'_>, env: &Env, ops: &[Op]) -> raw::Result<()> {
    let mut appends = [true; Table::ALL.len()];
    for op in ops {
        let has_appended = appends[op.table.index()] && op.value.is_some();
        env.touched_by_writer(if has_appended { op.key.len() } else { SEEK_BYTES });
        let (dbi, appends) = (env.dbi(op.table), &mut appends[op.table.index()]);
        match (long_keys::tail(&op.key), &op.value) {
            (Some(tail), value) => {
                let head = long_keys::head(&op.key);
                let bucket = txn.get(dbi, head)?.unwrap_or_default();
                match long_keys::edit(&bucket, tail, value.as_deref())? {
                    bucket if bucket.is_empty() => txn.delete(dbi, head)?,
                    bucket => txn.put(dbi, head, &bucket)?,
                }
            }
            (None, None) => txn.delete(dbi, &op.key)?,
            (None, Some(value)) => {
                *appends = *appends && txn.append(dbi, &op.key, value)?;
                if !*appends {
                    txn.put(dbi, &op.key, value)?;
                }
            }
        }
    }
    Ok(())
}

impl Engine for Lmdb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        let env = self.env();
        let mut reader = env.read()?;
        let value = reader.lookup(table)?.find(key)?.map(Bytes::copy_from_slice);
        Ok(value)
    }

    fn get_many(&self, table: Table, keys: &[&[u8]], visit: &mut VisitFound<'_>) -> Result<()> {
        let env = self.env();
        let mut reader = env.read()?;
        let mut lookup = reader.lookup(table)?;
        for (at, key) in keys.iter().enumerate() {
            if visit(at, lookup.find(key)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let env = self.env();
        let reader = env.read()?;
        env.scan(reader.txn(), table, from, to, visit)
    }

    fn commit(&self, batch: &Batch, durability: Durability) -> Result<()> {
        if batch.ops().iter().any(|op| op.key.is_empty()) {
            return Err(engine("a key must not be empty"));
        }
        let mut writer = self.writer.lock();
        while writer.meanwhile.as_ref().is_some_and(Meanwhile::is_full) {
            self.caught_up.wait(&mut writer);
        }
        let env = self.env();
        if batch.is_empty() {
            return if durability == Durability::Synced { env.sync() } else { Ok(()) };
        }
        let demand = Demand::of(batch, env.page_bytes());
        writer.room.take(&env, demand, self.options.max_bytes)?;
        writer.set_durability(&env, durability)?;
        writer.commit(&env, batch.ops(), demand, &self.options)?;
        if let Some(meanwhile) = &mut writer.meanwhile {
            meanwhile.note(batch);
        }
        Ok(())
    }

    fn size(&self) -> Result<Size> {
        let env = self.env();
        let usage = env.usage()?;
        let mut free = self.free.lock();
        let free_bytes = match *free {
            Some((as_of, bytes)) if as_of == usage => bytes,
            _ => env.idle_bytes()?,
        };
        *free = Some((usage, free_bytes));
        let total_bytes = usage.total_bytes;
        Ok(Size { total_bytes, in_use_bytes: total_bytes.saturating_sub(free_bytes) })
    }

    fn defragment(&self) -> Result<()> {
        let _one = self.copying.lock();
        let old = self.env();
        let (reader, generation) = {
            let mut writer = self.writer.lock();
            let reader = old.read()?;
            writer.meanwhile = Some(Meanwhile::default());
            (reader, writer.generation + 1)
        };
        let replaced = self.replace(&old, reader, generation);
        if replaced.is_err() {
            self.writer.lock().meanwhile = None;
            drop(self.dir.remove(&self.dir.temporary_path(generation)));
        }
        self.caught_up.notify_all();
        replaced?;
        old.replaced(&self.dir);
        Ok(())
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        Ok(Box::new(LmdbCheckpoint::new(self.env())?))
    }
}
