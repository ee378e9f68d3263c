//! The engine itself: which database is current, and who may write it.

use crate::{
    Options, copy,
    error::{NAME, engine},
    files::Dir,
    room,
    store::Store,
    undo::View,
};
use bytes::Bytes;
use oxetcd_storage::{
    Batch, Checkpoint, Durability, Engine, Meanwhile, Result, Size, Table, Visit, catch_up,
};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{path::Path, sync::Arc};

/// The sled engine over one directory.
pub struct Sled {
    dir: Arc<Dir>,
    options: Options,
    /// Replaced by defragmenting; who has the old one may go on reading it.
    store: RwLock<Arc<Store>>,
    writer: Mutex<Writer>,
    /// Signalled when a copy has caught up with what was committed beside it, or was given up.
    caught_up: Condvar,
    /// Held while the database is copied: one copy at a time.
    copying: Mutex<()>,
}

/// What only the one writer uses.
struct Writer {
    generation: u64,
    /// A commit failed half way: sled cannot be written any more.
    is_failed: bool,
    /// While the database is copied: what was committed since the copy's view was taken.
    meanwhile: Option<Meanwhile>,
}

impl AsMut<Option<Meanwhile>> for Writer {
    fn as_mut(&mut self) -> &mut Option<Meanwhile> {
        &mut self.meanwhile
    }
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
        let (generation, store) = match dir.clean()? {
            Some(generation) => {
                let path = dir.db_path(generation);
                (generation, Store::open(dir.clone(), &path, false, &options)?)
            }
            None => {
                let path = dir.make(1)?;
                let store = Store::open(dir.clone(), &path, true, &options)?;
                dir.finish(1)?;
                (1, store)
            }
        };
        let writer = Writer { generation, is_failed: false, meanwhile: None };
        Ok(Sled {
            dir,
            options,
            store: RwLock::new(Arc::new(store)),
            writer: Mutex::new(writer),
            caught_up: Condvar::new(),
            copying: Mutex::new(()),
        })
    }

    fn store(&self) -> Arc<Store> {
        self.store.read().clone()
    }

    /// Copies what `view` sees of `old`, and puts the copy in its place.
    fn replace(&self, old: &Store, view: View, generation: u64) -> Result<()> {
        let path = self.dir.make(generation)?;
        let new = Store::open(self.dir.clone(), &path, true, &self.options)?;
        copy::copy(old, &view, &new)?;
        // From here on nothing needs to be kept for the view.
        drop(view);
        let repeat = |batch: &Batch| {
            room::check(&new, batch, self.options.max_bytes)?;
            new.apply(batch.ops())
        };
        let mut writer = catch_up(&self.writer, &self.caught_up, repeat, || new.flush())?;
        new.flush()?;
        if let Err(error) = self.dir.finish(generation) {
            // The next open may take it for the newest, whatever is committed to the old one from here on.
            writer.is_failed = self.dir.is_whole(generation);
            return Err(error);
        }
        writer.generation = generation;
        writer.meanwhile = None;
        *self.store.write() = Arc::new(new);
        Ok(())
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
        while writer.meanwhile.as_ref().is_some_and(Meanwhile::is_full) {
            self.caught_up.wait(&mut writer);
        }
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
        if let (Ok(()), Some(meanwhile)) = (&result, &mut writer.meanwhile) {
            meanwhile.note(batch);
        }
        result
    }

    fn size(&self) -> Result<Size> {
        let store = self.store();
        let total_bytes = store.size_bytes()?;
        Ok(Size { total_bytes, in_use_bytes: store.live_bytes().min(total_bytes) })
    }

    fn defragment(&self) -> Result<()> {
        let _one = self.copying.lock();
        let (old, view, generation) = {
            let mut writer = self.writer.lock();
            if writer.is_failed {
                return Err(engine("a commit has failed; the engine must be opened again"));
            }
            let old = self.store();
            writer.meanwhile = Some(Meanwhile::default());
            (old.clone(), old.view(), writer.generation + 1)
        };
        let replaced = self.replace(&old, view, generation);
        if replaced.is_err() {
            self.writer.lock().meanwhile = None;
            self.dir.give_up(generation);
        }
        self.caught_up.notify_all();
        replaced?;
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
