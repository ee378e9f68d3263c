//! The write buffer: the open batch over an engine.
//!
//! Applying a log entry must not wait for an engine. So changes go into a layer in memory, readable at once,
//! and a committer (a thread of the server's, or a simulator's step) moves whole layers into the engine:
//!
//! ```text
//!   writes -> [ open layer ] -> sealed layer -> engine
//!   reads  ->   looked at      then this        then this
//! ```
//!
//! A [`Step`] is the unit of atomicity: everything written in one step reaches the engine in one commit, so
//! the applied index always fits the data beside it. Readers look at the layers *before* the engine: a layer
//! is dropped only after its commit, hence whoever misses a record in the layers finds it in the engine.

use crate::{
    Batch, Checkpoint, Durability, Engine, Op, Result, Size, Table, Visit, VisitFound, sorted_map::SortedMap,
};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::{iter::Peekable, ops::ControlFlow, sync::Arc};

type Map = SortedMap<Option<Bytes>>;

/// Changes that the engine does not have yet.
#[derive(Default)]
struct Layer {
    tables: [Map; Table::ALL.len()],
    pending: Pending,
}

impl Layer {
    /// The change of `key`, if this layer has one; the inner `None` is a deletion.
    fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        let map = &self.tables[table.index()];
        // Old revisions are what most reads ask for, and a layer holds only new ones.
        if key < &map.first_key()?[..] { None } else { map.get(key) }
    }

    fn write(&mut self, table: Table, key: Bytes, value: Option<Bytes>) {
        self.pending.ops += 1;
        self.pending.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.tables[table.index()].insert(key, value);
    }

    fn to_batch(&self) -> Batch {
        let ops = |table: Table| {
            let entries = self.tables[table.index()].iter();
            entries.map(move |(key, value)| Op { table, key: key.clone(), value: value.clone() })
        };
        Table::ALL.into_iter().flat_map(ops).collect()
    }
}

#[derive(Default)]
struct Layers {
    open: Layer,
    sealed: Option<Arc<Layer>>,
    /// How often the open layer was sealed.
    seals: u64,
}

impl Layers {
    fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        let sealed = || self.sealed.as_ref().and_then(|layer| layer.get(table, key));
        self.open.get(table, key).or_else(sealed)
    }
}

/// What waits for the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Number of changes written.
    pub ops: usize,
    /// Bytes of their keys and values.
    pub bytes: usize,
}

/// The open write batch over an engine; see the module's header.
pub struct Buffer {
    engine: Arc<dyn Engine>,
    layers: RwLock<Layers>,
    /// Held by a step; taken to seal the open layer, so that no step is cut in two.
    step: Mutex<()>,
    /// Held for the whole of a commit: one at a time, in order.
    commit: Mutex<()>,
}

impl Buffer {
    /// An empty buffer over `engine`.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Buffer { engine, layers: RwLock::default(), step: Mutex::new(()), commit: Mutex::new(()) }
    }

    /// The engine below. What is pending is not in it.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Begins a step: all that is written through it reaches the engine in one commit. Steps take turns; a
    /// commit can only begin between two of them, so keep them short.
    pub fn begin(&self) -> Step<'_> {
        Step { buffer: self, _turn: self.step.lock() }
    }

    /// The value of `key`, pending changes included.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(change) = self.layers.read().get(table, key) {
            return Ok(change.clone());
        }
        self.engine.get(table, key)
    }

    /// As [`Engine::get_many`], pending changes included; visited in the order of `keys`.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn get_many(&self, table: Table, keys: &[&[u8]], visit: &mut VisitFound<'_>) -> Result<()> {
        let changes: Vec<(usize, Option<Bytes>)> = {
            let layers = self.layers.read();
            let change = |(at, key): (usize, &&[u8])| Some((at, layers.get(table, key)?.clone()));
            keys.iter().enumerate().filter_map(change).collect()
        };
        let mut next = 0;
        for (at, change) in changes {
            if at > next && self.get_run(table, keys, next..at, visit)?.is_break() {
                return Ok(());
            }
            if visit(at, change.as_deref()).is_break() {
                return Ok(());
            }
            next = at + 1;
        }
        if next < keys.len() {
            let _ = self.get_run(table, keys, next..keys.len(), visit)?;
        }
        Ok(())
    }

    /// Looks a run of keys up that no layer has.
    fn get_run(
        &self,
        table: Table,
        keys: &[&[u8]],
        run: std::ops::Range<usize>,
        visit: &mut VisitFound<'_>,
    ) -> Result<ControlFlow<()>> {
        let base = run.start;
        let mut flow = ControlFlow::Continue(());
        self.engine.get_many(table, &keys[run], &mut |at, value| {
            flow = visit(base + at, value);
            flow
        })?;
        Ok(flow)
    }

    /// As [`Engine::scan`], pending changes included.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        while self.try_scan(table, from, to, visit)?.is_none() {}
        Ok(())
    }

    /// Scans, or returns `None` and visits nothing: a layer was sealed while the engine opened its view, so
    /// the engine may have changes that are newer than the layers as they were taken here, which would make
    /// the view a mixture.
    fn try_scan(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<Option<()>> {
        let (view, seals) = {
            let layers = self.layers.read();
            (LayersView::new(&layers, table), layers.seals)
        };
        let mut changes = view.changes(from, to).peekable();
        if changes.peek().is_none() {
            return self.engine.scan(table, from, to, visit).map(Some);
        }
        let mut flow = ControlFlow::Continue(());
        let mut is_mixed = None;
        let mut check = || *is_mixed.get_or_insert_with(|| self.layers.read().seals != seals);
        self.engine.scan(table, from, to, &mut |key, value| {
            if check() {
                return ControlFlow::Break(());
            }
            flow = visit_before(&mut changes, Some(key), visit);
            if flow.is_continue() {
                flow = match changes.next_if(|(changed, _)| *changed == key) {
                    Some((_, Some(changed))) => visit(key, changed),
                    Some((_, None)) => ControlFlow::Continue(()),
                    None => visit(key, value),
                };
            }
            flow
        })?;
        if check() {
            return Ok(None);
        }
        if flow.is_continue() {
            let _ = visit_before(&mut changes, None, visit);
        }
        Ok(Some(()))
    }

    /// What the next commit will move.
    pub fn pending(&self) -> Pending {
        let layers = self.layers.read();
        let sealed = layers.sealed.as_ref().map(|layer| layer.pending).unwrap_or_default();
        let open = layers.open.pending;
        Pending { ops: open.ops + sealed.ops, bytes: open.bytes + sealed.bytes }
    }

    /// Moves everything pending into the engine. Writers and readers go on meanwhile. `true` when there was
    /// something to move.
    ///
    /// # Errors
    /// As [`Engine::commit`]. The changes stay readable and pending; the caller stops the member, whose log
    /// still has them.
    pub fn commit(&self, durability: Durability) -> Result<bool> {
        let _one = self.commit.lock();
        self.commit_locked(durability)
    }

    fn commit_locked(&self, durability: Durability) -> Result<bool> {
        // A layer whose commit failed goes first, alone: steps since then are in the open one.
        let is_left = self.commit_sealed(durability)?;
        self.seal();
        Ok(self.commit_sealed(durability)? || is_left)
    }

    fn commit_sealed(&self, durability: Durability) -> Result<bool> {
        let Some(sealed) = self.layers.read().sealed.clone() else { return Ok(false) };
        self.engine.commit(&sealed.to_batch(), durability)?;
        // Taken under the lock and dropped behind it: a layer of many changes takes its time to be freed.
        let done = self.layers.write().sealed.take();
        drop(done);
        Ok(true)
    }

    /// Closes the open layer between two steps. There is no sealed one.
    fn seal(&self) {
        let _turn = self.step.lock();
        let mut layers = self.layers.write();
        if layers.open.pending.ops > 0 {
            layers.sealed = Some(Arc::new(std::mem::take(&mut layers.open)));
            layers.seals += 1;
        }
    }

    /// Commits, and takes a consistent view of all tables right behind that commit. The view holds whole
    /// steps only, and at least all that were finished when this was called.
    ///
    /// # Errors
    /// As [`Engine::commit`] and [`Engine::checkpoint`].
    pub fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        let _one = self.commit.lock();
        self.commit_locked(Durability::Buffered)?;
        self.engine.checkpoint()
    }

    /// Gives unused room back: see [`Engine::defragment`]. Steps and readers go on meanwhile; whether commits do, is the
    /// engine's affair.
    ///
    /// # Errors
    /// As [`Engine::defragment`].
    pub fn defragment(&self) -> Result<()> {
        self.commit(Durability::Synced)?;
        self.engine.defragment()
    }

    /// Room that the engine takes. Pending changes are not in it.
    ///
    /// # Errors
    /// As [`Engine::size`].
    pub fn size(&self) -> Result<Size> {
        self.engine.size()
    }
}

/// A table of both layers at one moment.
struct LayersView {
    open: Map,
    sealed: Map,
}

/// A change of a key; the inner `None` is a deletion.
type Change<'m> = (&'m Bytes, &'m Option<Bytes>);

impl LayersView {
    fn new(layers: &Layers, table: Table) -> Self {
        let sealed = layers.sealed.as_ref().map(|layer| layer.tables[table.index()].clone());
        LayersView { open: layers.open.tables[table.index()].clone(), sealed: sealed.unwrap_or_default() }
    }

    /// Changes of an interval in order, the newest of each key.
    fn changes<'m>(&'m self, from: &[u8], to: Option<&'m [u8]>) -> impl Iterator<Item = Change<'m>> {
        let mut open = self.open.range(from, to).peekable();
        let mut sealed = self.sealed.range(from, to).peekable();
        std::iter::from_fn(move || {
            let Some((newer, _)) = open.peek() else { return sealed.next() };
            if let Some(older) = sealed.next_if(|(older, _)| older < newer) {
                return Some(older);
            }
            sealed.next_if(|(older, _)| older == newer);
            open.next()
        })
    }
}

/// Visits the changes whose keys come before `key` (all of them for `None`).
fn visit_before<'m>(
    changes: &mut Peekable<impl Iterator<Item = Change<'m>>>,
    key: Option<&[u8]>,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    while let Some((changed, value)) = changes.next_if(|(changed, _)| key.is_none_or(|key| *changed < key)) {
        if let Some(value) = value {
            visit(changed, value)?;
        }
    }
    ControlFlow::Continue(())
}

/// One atomic group of writes; see [`Buffer::begin`]. Its writes are readable at once, also by others.
pub struct Step<'a> {
    buffer: &'a Buffer,
    _turn: MutexGuard<'a, ()>,
}

impl Step<'_> {
    /// The buffer that this step writes to, for reading.
    pub fn buffer(&self) -> &Buffer {
        self.buffer
    }

    /// Sets `key` to `value`.
    pub fn put(&self, table: Table, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.buffer.layers.write().open.write(table, key.into(), Some(value.into()));
    }

    /// Deletes `key`.
    pub fn delete(&self, table: Table, key: impl Into<Bytes>) {
        self.buffer.layers.write().open.write(table, key.into(), None);
    }
}
