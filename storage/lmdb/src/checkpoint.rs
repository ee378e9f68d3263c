//! A view of all tables that stays as it was: a read transaction that is kept open. Commits go on; pages that
//! only this view still needs are not used again until it is dropped, so the file may grow meanwhile.

use crate::{env::Env, raw::ReadTxn};
use oxetcd_storage::{Checkpoint, Result, Table, Visit};
use std::sync::Arc;

pub(crate) struct LmdbCheckpoint {
    // Before `env`: fields drop in order, and the transaction must end before the environment closes.
    txn: ReadTxn,
    env: Arc<Env>,
}

impl LmdbCheckpoint {
    pub(crate) fn new(env: Arc<Env>) -> Result<Self> {
        Ok(LmdbCheckpoint { txn: env.begin_read()?, env })
    }
}

impl Checkpoint for LmdbCheckpoint {
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.env.scan(&self.txn, table, from, None, visit)
    }
}
