//! The engine itself: which database is current, and who may write it.

use crate::{
    Options,
    error::{NAME, engine},
    files::{self, Dir},
    room,
    store::Store,
    undo::View,
};
use bytes::Bytes;
use oxetcd_storage::{Batch, Checkpoint, Durability, Engine, Op, Result, Size, Table, Visit};
use parking_lot::{Mutex, RwLock};
use std::{ops::ControlFlow, path::Path, sync::Arc};

/// Records of a batch when a database is copied.
const COPY_RECORDS: usize = 1000;

/// The sled engine over one directory.
pub struct Sled {
    dir: Arc<Dir>,
    options: Options,
    /// Replaced by defragmenting; who has the old one may go on reading it.
    store: RwLock<Arc<Store>>,
    writer: Mutex<Writer>,
}

/// What only the one writer uses.
struct Writer {
    generation: u64,
    /// A commit failed half way: sled cannot be written any more.
    is_failed: bool,
}

impl Sled {
    /// Opens the engine in the directory `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Locked`](oxetcd_storage::Error::Locked) while another process, or another engine of this one, uses the
    /// directory; [`Corrupt`](oxetcd_storage::Error::Corrupt) for files that are not ours, of a newer format or
    /// damaged.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let dir = Arc::new(Dir::lock(path.as_ref())?);
        let generation = match dir.clean()? {
            Some(generation) => generation,
            None => {
                let temporary = dir.make_temporary(1)?;
                drop(Store::open(dir.clone(), &temporary, true, &options)?);
                dir.publish(&temporary, 1)?;
                1
            }
        };
        let store = Store::open(dir.clone(), &dir.db_path(generation), false, &options)?;
        let writer = Mutex::new(Writer { generation, is_failed: false });
        Ok(Sled { dir, options, store: RwLock::new(Arc::new(store)), writer })
    }

    fn store(&self) -> Arc<Store> {
        self.store.read().clone()
    }

    /// Copies all records of `old` to a new database at `path`.
    fn copy(&self, old: &Store, path: &Path) -> Result<()> {
        let new = Store::open(self.dir.clone(), path, true, &self.options)?;
        let view = old.view();
        for table in Table::ALL {
            let mut batch = Vec::new();
            let mut result = Ok(());
            let flush = |batch: &mut Vec<Op>| {
                let written = Batch::from_iter(batch.drain(..));
                room::check(&new, &written, None).and_then(|()| new.apply(written.ops()))
            };
            old.scan(&view, table, b"", None, &mut |key, value| {
                let (key, value) = (Bytes::copy_from_slice(key), Some(Bytes::copy_from_slice(value)));
                batch.push(Op { table, key, value });
                if batch.len() >= COPY_RECORDS {
                    result = flush(&mut batch);
                }
                if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            result.and_then(|()| flush(&mut batch))?;
        }
        new.flush()
    }
}

impl Engine for Sled {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.store().get(table, key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn get_many(
        &self,
        table: Table,
        keys: &[&[u8]],
        visit: &mut oxetcd_storage::VisitFound<'_>,
    ) -> Result<()> {
        let store = self.store();
        for (at, key) in keys.iter().enumerate() {
            if visit(at, store.get(table, key)?.as_deref()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let store = self.store();
        store.scan(&store.view(), table, from, to, visit)
    }

    fn commit(&self, batch: &Batch, _durability: Durability) -> Result<()> {
        if batch.ops().iter().any(|op| op.key.is_empty()) {
            return Err(engine("a key must not be empty"));
        }
        let mut writer = self.writer.lock();
        if writer.is_failed {
            return Err(engine("a commit has failed; the engine must be opened again"));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let store = self.store();
        room::check(&store, batch, self.options.max_bytes)?;
        let result = store.apply(batch.ops()).and_then(|()| store.flush());
        writer.is_failed = result.is_err();
        result
    }

    fn size(&self) -> Result<Size> {
        let store = self.store();
        let total_bytes = store.size_bytes()?;
        Ok(Size { total_bytes, in_use_bytes: store.live_bytes().min(total_bytes) })
    }

    fn defragment(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        let old = self.store();
        let generation = writer.generation + 1;
        let temporary = self.dir.make_temporary(generation)?;
        let copied = self.copy(&old, &temporary).and_then(|()| self.dir.publish(&temporary, generation));
        let path = copied.inspect_err(|_| _ = files::remove(&temporary))?;
        let new = Store::open(self.dir.clone(), &path, false, &self.options).inspect_err(|_| {
            // Or the next open would take it for the newest, whatever was committed to the old one since.
            writer.is_failed = files::remove(&path).is_err();
        })?;
        writer.generation = generation;
        *self.store.write() = Arc::new(new);
        old.replaced();
        Ok(())
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        let store = self.store();
        Ok(Box::new(SledCheckpoint { view: store.view(), store }))
    }
}

struct SledCheckpoint {
    view: View,
    store: Arc<Store>,
}

impl Checkpoint for SledCheckpoint {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.store.scan(&self.view, table, from, None, visit)
    }
}
