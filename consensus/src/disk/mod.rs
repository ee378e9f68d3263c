//! The seam between the files of this crate and the machine they lie on.
//!
//! A log is only as good as its assumptions about media, so they are written down as a trait: what may be
//! called, and what is durable after which call. [`OsDisk`] is the real thing. [`MemDisk`] forgets what was
//! not synced, runs full, and fails on command; tests and the simulator use it in the log's place of the
//! real one. A server that wants to time its fsyncs wraps either of them.
//!
//! What an implementation promises:
//! * bytes written are visible to reads of the same process at once;
//! * bytes written are durable after `sync_data` of that file, and not before; a crash keeps any subset of
//!   the 512-byte sectors written since;
//! * creating, renaming and removing a name is durable after `sync_dir` of the directory that holds it;
//! * after a failed write or sync nothing is known of the bytes since the last good sync.

mod mem;
mod os;

pub use mem::{Fault, MemDisk};
pub use os::OsDisk;

use std::io;
use std::path::Path;

/// How [`Disk::open`] opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing, under an exclusive lock.
    Write,
    /// A new and empty file (an old one of that name is emptied), for writing, under an exclusive lock.
    Create,
}

/// A file system, cut down to what a log needs.
pub trait Disk: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds the lock; otherwise what the system says.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Creates a directory, readable by its owner only, and its parents. It may exist.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Renames a file or directory; a file of the new name is replaced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all that is in it. It may be missing.
    ///
    /// # Errors
    /// What the system says.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file. Dropping it gives up its lock.
pub trait DiskFile: Send {
    /// Reads up to `buf.len()` bytes at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the system says; some of the bytes may have been written.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written to this file durable, with the length that reading it back needs.
    ///
    /// # Errors
    /// What the system says. The file must not be written again: see the module's text.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Reserves room up to `len` bytes, which read as zeros, so that later writes below it cannot run out of
    /// space and do not change the file's length.
    ///
    /// # Errors
    /// `StorageFull` when there is no room.
    fn allocate(&mut self, len: u64) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}
