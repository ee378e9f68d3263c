//! Reader and bulk writer of bbolt files, the interchange format of etcd's snapshots.
//!
//! A bbolt file is a copy-on-write B+tree in pages of one size (4096 bytes, or whatever the machine that made
//! it has). Every number is little-endian:
//!
//! ```text
//!   page 0, page 1     two metas; the valid one with the higher transaction id counts
//!   page 2 ...         branches, leaves, perhaps a list of free pages, in any order
//!
//!   page     id u64 | kind u16 | count u16 | overflow u32 | elements | keys and values
//!   meta     magic, version, page size, flags, root bucket, free list, high water, transaction id, FNV-1a
//!   branch   elements of (distance to the key u32, key length u32, child page u64)
//!   leaf     elements of (flags u32, distance to the key u32, key length u32, value length u32)
//! ```
//!
//! `overflow` says how many further pages belong to a page, so a large value simply makes its leaf longer:
//! a *run* of pages. A leaf element with flag 1 is a bucket; its value holds the page id of another tree's root,
//! or, with the id 0, a whole small leaf *inline*. etcd has one level of them: a root tree of named buckets.
//! "High water" is the number of pages in use; a file may be longer than that (bbolt grows it in steps, and a
//! saved snapshot ends with a checksum, see [`has_trailer`]).
//!
//! * [`Reader`] trusts nothing: sizes, ids, order and depth are checked before use, so a damaged file gives an
//!   error, never a panic, a loop, or memory that the file's size does not justify.
//! * [`plan()`] and [`write()`] make a file from sorted records. The metas come first in the file but say where the
//!   tree ends, so the records are read twice: the first pass only sizes the pages, the second emits the very
//!   same pages in order. That way a snapshot of any size streams into a socket with its exact length known
//!   before the first byte, without a temporary file, in memory of a few pages.
//!
//! Files made here have no stored free list (as etcd's have none), full pages, and no page that is not used.

mod check;
mod error;
mod export;
mod format;
mod meta;
mod page;
mod page_set;
mod plan;
mod reader;
mod source;
mod tree;
mod walk;
mod writer;

pub use check::Report;
pub use error::{Error, ExportError, Result};
pub use export::{Visit, plan, write};
pub use format::{MAX_KEY_BYTES, MAX_VALUE_BYTES, TRAILER_BYTES, has_trailer};
pub use plan::{Layout, Plan};
pub use reader::Reader;
pub use source::{LockedFile, ReadAt};
pub use writer::{SeekWriter, Writer};
