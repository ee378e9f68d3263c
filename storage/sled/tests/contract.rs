//! sled keeps the contract.

use oxetcd_storage::{Result, contract::Subject};
use oxetcd_storage_sled::{Options, Sled};
use std::path::Path;

struct OnSled;

impl Subject for OnSled {
    type Engine = Sled;

    fn open(&self, dir: &Path) -> Result<Sled> {
        Sled::open(dir, Options::default())
    }

    // Its files are a log: they shrink when they are written anew, which takes room itself.
    fn reuses_room(&self) -> bool {
        false
    }
}

oxetcd_storage::engine_contract!(OnSled, durable);
