//! The in-memory engine: a sorted map a table. It is the model that the other engines are tested against, the
//! engine of simulations and tests, and a real choice for caches (`--backend memory`): the write-ahead log
//! still makes the member durable, a restart replays it.
//!
//! A commit works on copies of the maps, which are free until written, and then puts them in place: readers
//! and checkpoints keep what they had, and nobody waits for a batch.

use crate::{
    Batch, Checkpoint, Durability, Engine, Error, Result, Size, Table, Visit, sorted_map::SortedMap,
};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

/// Ordered tables in memory.
#[derive(Default)]
pub struct Memory {
    state: RwLock<State>,
    /// Held by a commit: one at a time.
    writer: Mutex<()>,
}

#[derive(Clone, Default)]
struct State {
    tables: [SortedMap<Bytes>; Table::ALL.len()],
    /// Bytes of all keys and values.
    bytes: u64,
}

impl Memory {
    /// Empty tables.
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn set(&mut self, table: Table, key: &Bytes, value: Option<&Bytes>) {
        let map = &mut self.tables[table.index()];
        let old = match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
        let bytes = |value: &Bytes| (key.len() + value.len()) as u64;
        self.bytes = self.bytes + value.map_or(0, bytes) - old.as_ref().map_or(0, bytes);
    }
}

fn scan_map(map: &SortedMap<Bytes>, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) {
    for (key, value) in map.range(from, to) {
        if visit(key, value).is_break() {
            return;
        }
    }
}

impl Engine for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.state.read().tables[table.index()].get(key).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        let map = self.state.read().tables[table.index()].clone();
        scan_map(&map, from, to, visit);
        Ok(())
    }

    fn commit(&self, batch: &Batch, _durability: Durability) -> Result<()> {
        if batch.ops().iter().any(|op| op.key.is_empty()) {
            return Err(Error::Engine { engine: self.name(), message: "a key must not be empty".into() });
        }
        let _one = self.writer.lock();
        let mut state = self.state.read().clone();
        for op in batch.ops() {
            state.set(op.table, &op.key, op.value.as_ref());
        }
        // What is no longer used is freed after the lock.
        let _old = std::mem::replace(&mut *self.state.write(), state);
        Ok(())
    }

    fn size(&self) -> Result<Size> {
        let bytes = self.state.read().bytes;
        Ok(Size { total_bytes: bytes, in_use_bytes: bytes })
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        Ok(Box::new(MemoryCheckpoint(self.state.read().clone())))
    }
}

struct MemoryCheckpoint(State);

impl Checkpoint for MemoryCheckpoint {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan_map(&self.0.tables[table.index()], from, None, visit);
        Ok(())
    }
}
