//! The RocksDB engine: a log-structured merge tree in C++, for data far larger than memory.
//!
//! # Building
//! Only with the feature `engine` (the server's feature `rocksdb` turns it on). RocksDB is compiled from source:
//! some 12 minutes on two cores. It needs a C++17 compiler and libclang (Debian: `g++`, `libclang-dev`; set
//! `LIBCLANG_PATH` to the directory of `libclang.so` where it is not found). Without the feature this crate is
//! empty, so that the workspace builds and tests without any of it.
//!
//! # What it does
//! * **All tables are one key space**, told apart by their keys' first byte: ten column families would have ten
//!   write buffers.
//! * **Views** are RocksDB's iterators and snapshots.
//! * **Durability**: `Synced` commits flush the log, `Buffered` ones hand it to the operating system. After a
//!   power cut RocksDB replays the log up to the first damaged record.
//! * **A full device**: RocksDB stops writing when its background work finds no room. So room is looked for
//!   before a batch is begun, for the batch and for what the background needs: as much as there is already, up
//!   to 512 MiB, since a compaction removes what it has read only when it is done.
//! * **Defragmenting** compacts everything; deletes give no room back before that, or before RocksDB compacts by
//!   itself. Records that a checkpoint still sees are kept.

#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod files;
#[cfg(feature = "engine")]
mod room;

#[cfg(feature = "engine")]
pub use engine::RocksDb;

/// How to open the engine.
#[cfg(feature = "engine")]
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for blocks of files that were read.
    pub cache_bytes: usize,
    /// Memory for what was written and is not in a sorted file yet; twice as much for a short time.
    pub write_buffer_bytes: usize,
    /// Size of the files at which writes are refused as [`Error::Full`](oxetcd_storage::Error::Full); batches
    /// that only delete may go a little beyond. `None`: only the device limits it.
    pub max_bytes: Option<u64>,
}

#[cfg(feature = "engine")]
impl Default for Options {
    fn default() -> Self {
        Options { cache_bytes: 32 << 20, write_buffer_bytes: 16 << 20, max_bytes: None }
    }
}
