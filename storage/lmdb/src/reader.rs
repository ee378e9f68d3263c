//! Reading as of one commit. A reader's transaction and buffers go back to the pool when it is done.

use crate::{
    env::Env,
    long_keys,
    lookup::{self, Scratch},
    pages::Tree,
    raw::ReadTxn,
};
use oxetcd_storage::{Result, Table};

/// What a reader leaves to the next one.
pub(crate) struct Idle {
    pub(crate) txn: ReadTxn,
    pub(crate) scratch: Scratch,
}

/// A read transaction out of the pool.
pub(crate) struct Reader<'e> {
    env: &'e Env,
    /// Taken on drop only.
    idle: Option<Idle>,
}

impl<'e> Reader<'e> {
    /// Begins to read what `env` holds now.
    pub(crate) fn begin(env: &'e Env) -> Result<Self> {
        Ok(Reader { idle: Some(env.begin()?), env })
    }

    /// The transaction.
    pub(crate) fn txn(&self) -> &ReadTxn {
        &self.idle.as_ref().expect("taken on drop only").txn
    }

    /// Looks keys of a table up, one after the other.
    pub(crate) fn lookup(&mut self, table: Table) -> Result<Lookup<'_>> {
        let tree = self.env.tree(self.txn(), table)?;
        let idle = self.idle.as_mut().expect("taken on drop only");
        Ok(Lookup { env: self.env, tree, scratch: &mut idle.scratch, _txn: &idle.txn })
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(mut idle) = self.idle.take() else { return };
        idle.txn.reset();
        idle.scratch.clear();
        self.env.end(idle);
    }
}

/// Looks keys of one table up, in one snapshot.
pub(crate) struct Lookup<'r> {
    env: &'r Env,
    tree: Tree,
    scratch: &'r mut Scratch,
    /// Keeps the pages as they are.
    _txn: &'r ReadTxn,
}

impl Lookup<'_> {
    /// The value of `key`.
    pub(crate) fn find(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        if key.is_empty() {
            return Ok(None);
        }
        let env = self.env;
        let found = lookup::find(env.pages(), self.tree, long_keys::head(key), self.scratch);
        let found = found.map_err(|code| env.error(code))?;
        match (found, long_keys::tail(key)) {
            (Some(bucket), Some(tail)) => long_keys::find(bucket, tail).map_err(|code| env.error(code)),
            (found, _) => Ok(found),
        }
    }
}
