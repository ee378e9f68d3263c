//! The sled engine: a log-structured tree in pure Rust.
//!
//! sled offers atomic batches on one tree, but no snapshots, no rewriting of its files and no mercy for a full
//! device. What the storage seam asks for beyond that is built here:
//!
//! * **All tables are one tree**, told apart by their keys' first byte: a batch over several trees would be a
//!   transaction, which sled makes expensive.
//! * **Views**: a scan or a checkpoint sees the tables as they were when it began. While there are any, each
//!   commit notes the values that it is about to replace; see `undo`.
//! * **Durability**: sled cannot hand its log to the operating system without flushing it, so `Buffered` commits
//!   are flushed like `Synced` ones.
//! * **A full device**: sled's background threads stop for good at the first failed write. So room is looked
//!   for before a batch is begun.
//! * **Defragmenting** writes all records, as one view has them, to a new database. Commits go on meanwhile, are repeated
//!   on the copy, and wait only for the moment in which the last few of them are.
//!
//! sled keeps what it read in memory, up to [`Options::cache_bytes`], and an index of all its pages beyond that:
//! it needs more memory than the other engines. While a batch is applied, readers wait (sled's own rule).

mod copy;
mod engine;
mod error;
mod files;
mod room;
mod store;
mod undo;

pub use engine::Sled;

/// How to open the engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for pages that were read or written.
    pub cache_bytes: u64,
    /// Size of the files at which writes are refused as [`Error::Full`](oxetcd_storage::Error::Full); batches
    /// that only delete may go a little beyond. `None`: only the device limits it.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options { cache_bytes: 64 << 20, max_bytes: None }
    }
}
