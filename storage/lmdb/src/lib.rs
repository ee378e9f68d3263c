//! The LMDB engine: a memory-mapped B+ tree in one file, with many readers beside one writer.
//!
//! * **Reads** walk LMDB's pages themselves, by `pread` beside the map, under an LMDB read transaction that keeps
//!   them as they are. That is cheaper than page faults, takes no memory, and damage is an error instead of a
//!   crash. They never wait for a writer. LMDB writes, and keeps the file's books.
//! * **The file grows by itself.** The map is reserved far larger than any file to be expected and is sparse;
//!   room on the device is taken ahead of each commit, so a full device is found out before anything is written.
//! * **Commits.** `Synced` flushes the pages, then the new root. `Buffered` flushes the pages and leaves the
//!   root to the next commit's flush: half the flushes, and a power cut undoes at most the last batch.
//! * **Defragmenting** rewrites all records densely into a new file, from one view of the old one, and a little at a
//!   time, so that the device has time for others. Commits go on meanwhile, are repeated on the copy, and wait only for the
//!   moment in which the last few of them are. Readers that were under way finish on the old file.
//! * **Keys** may have any length from 1 byte; see `long_keys` for those beyond LMDB's 511.
//!
//! One process (and one [`Lmdb`] in it) may use a directory at a time. The file belongs to the machine's byte
//! order and page size; move data between machines by snapshots.
//!
//! LMDB keeps no checksums: a file with a foreign header, a foreign content or a missing end is refused at open,
//! damaged pages are noticed when they are read, flipped bytes inside a record are not noticed here (etcd's
//! corruption checks compare members' hashes).

mod checkpoint;
mod copy;
mod engine;
mod env;
mod error;
mod files;
mod long_keys;
mod lookup;
mod open;
mod os;
mod page;
mod pages;
mod raw;
mod reader;
mod resident;
mod room;
mod scan;

pub use engine::Lmdb;

/// How to open the engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address space to reserve for the file's map. It costs no memory and no disk. If less is to be had, less
    /// is taken; a file that outgrows it gets a new map.
    pub reserve_bytes: u64,
    /// Size of the data file at which writes are refused as [`Error::Full`](oxetcd_storage::Error::Full).
    /// Batches that delete, and small ones, may go beyond it by a 64th (but 1 MiB at least). `None`: only
    /// the device limits it.
    pub max_bytes: Option<u64>,
    /// Memory that pages of the file, looked at by commits, may take in this process before they are let go;
    /// they stay in the page cache. Linux only.
    pub resident_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        // 1 TiB, or what a 32-bit process can spare.
        let reserve_bytes = if usize::BITS >= 64 { 1 << 40 } else { 1 << 29 };
        Options { reserve_bytes, max_bytes: None, resident_bytes: 24 << 20 }
    }
}

impl Options {
    /// Largest size of the map.
    fn map_limit_bytes(&self) -> u64 {
        self.max_bytes.map_or(u64::MAX >> 1, |max| max.saturating_add(room::spare_bytes(max)))
    }
}
