//! The in-memory engine: a sorted map a table. It is the model that the other engines are tested against, the
//! engine of simulations and tests, and a real choice for caches (`--backend memory`): the write-ahead log
//! still makes the member durable, a restart replays it.

use crate::{Batch, Checkpoint, Durability, Engine, Result, Size, Table, Visit};
use bytes::Bytes;
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

type Map = BTreeMap<Bytes, Bytes>;

/// Ordered tables in memory.
#[derive(Default)]
pub struct Memory {
    // Copy-on-write: a checkpoint shares the maps, and the first commit after it copies what it changes.
    tables: RwLock<[Arc<Map>; Table::ALL.len()]>,
}

impl Memory {
    /// Empty tables.
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self, table: Table) -> Arc<Map> {
        self.tables.read()[table.index()].clone()
    }
}

fn scan_map(map: &Map, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) {
    let upper = to.map_or(Bound::Unbounded, Bound::Excluded);
    if to.is_some_and(|to| to <= from) {
        return;
    }
    for (key, value) in map.range::<[u8], _>((Bound::Included(from), upper)) {
        if let ControlFlow::Break(()) = visit(key, value) {
            return;
        }
    }
}

impl Engine for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.tables.read()[table.index()].get(key).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        scan_map(&self.table(table), from, to, visit);
        Ok(())
    }

    fn commit(&self, batch: &Batch, _durability: Durability) -> Result<()> {
        let mut tables = self.tables.write();
        for op in batch.ops() {
            let map = Arc::make_mut(&mut tables[op.table.index()]);
            match &op.value {
                Some(value) => map.insert(op.key.clone(), value.clone()),
                None => map.remove(&op.key),
            };
        }
        Ok(())
    }

    fn size(&self) -> Result<Size> {
        let tables = self.tables.read();
        let bytes = tables.iter().flat_map(|map| map.iter()).map(|(k, v)| (k.len() + v.len()) as u64).sum();
        Ok(Size { total_bytes: bytes, in_use_bytes: bytes })
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        Ok(Box::new(MemoryCheckpoint(self.tables.read().clone())))
    }
}

struct MemoryCheckpoint([Arc<Map>; Table::ALL.len()]);

impl Checkpoint for MemoryCheckpoint {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan_map(&self.0[table.index()], from, None, visit);
        Ok(())
    }
}
