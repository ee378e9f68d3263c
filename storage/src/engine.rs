//! The `Engine` trait: all that a member asks of storage.

use crate::{Batch, Result, Table};
use bytes::Bytes;
use std::ops::ControlFlow;

/// Visitor of a scan: gets each key and value in ascending key order, and says whether to go on.
/// The slices are valid only during the call.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Visitor of a lookup of many keys: gets the place of a key among them and its value, `None` when it is not
/// there, and says whether to go on. The slice is valid only during the call.
pub type VisitFound<'a> = dyn FnMut(usize, Option<&[u8]>) -> ControlFlow<()> + 'a;

/// How safe a commit must be when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the device: it survives a power cut.
    Synced,
    /// With the operating system at least. After a power cut some of the latest batches may be missing, but
    /// whole batches, latest first, and the files stay readable. An engine may sync all the same.
    Buffered,
}

/// How much room the engine takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of its files (or of memory).
    pub total_bytes: u64,
    /// Bytes of those that hold live data; the rest is reused by later writes.
    pub in_use_bytes: u64,
}

/// Ordered byte tables with an atomic batch.
///
/// All methods may be called from several threads at once. Writers take turns; readers never wait for a
/// writer for longer than the engine needs to publish a commit, and see either all of a batch or nothing.
pub trait Engine: Send + Sync + 'static {
    /// Name by which the server's `--backend` picks it: `memory`, `lmdb` ...
    fn name(&self) -> &'static str;

    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// On any failure to read; the caller stops the member.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>>;

    /// Looks `keys` up in order and hands each value to `visit` with its place in `keys`, without copying it
    /// where the engine can; `None` for a key that is not there. One consistent view of the table where the
    /// engine has one cheaply.
    ///
    /// # Errors
    /// As [`Engine::get`].
    fn get_many(&self, table: Table, keys: &[&[u8]], visit: &mut VisitFound<'_>) -> Result<()> {
        for (at, key) in keys.iter().enumerate() {
            if visit(at, self.get(table, key)?.as_deref()).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Visits keys from `from` (included) up to `to` (excluded; `None`: to the end) in ascending order, in one
    /// consistent view, until the visitor breaks.
    ///
    /// # Errors
    /// As [`Engine::get`].
    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()>;

    /// Writes `batch`: all of it or nothing, also across a crash.
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) when there is no room: nothing was written, and the engine stays
    /// usable for reads and for commits that free room. Any other error: the engine must not be written again.
    fn commit(&self, batch: &Batch, durability: Durability) -> Result<()>;

    /// Room taken now.
    ///
    /// # Errors
    /// As [`Engine::get`].
    fn size(&self) -> Result<Size>;

    /// Gives unused room back to the operating system. Readers go on meanwhile; a commit may wait for it.
    ///
    /// # Errors
    /// As [`Engine::commit`]; after an error the engine holds what it held before.
    fn defragment(&self) -> Result<()> {
        Ok(())
    }

    /// A consistent view of all tables as of now, readable while commits go on.
    ///
    /// # Errors
    /// As [`Engine::get`].
    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>>;
}

/// All tables at one point in time.
pub trait Checkpoint: Send {
    /// Visits keys from `from` (included) in ascending order until the visitor breaks.
    ///
    /// # Errors
    /// As [`Engine::get`].
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()>;
}
