//! The in-memory engine keeps the contract, as far as it has one without files.

use oxetcd_storage::{Memory, Result, contract::Subject};
use std::path::Path;

struct InMemory;

impl Subject for InMemory {
    type Engine = Memory;

    fn open(&self, _dir: &Path) -> Result<Memory> {
        Ok(Memory::new())
    }
}

oxetcd_storage::engine_contract!(InMemory);
