//! The data file's pages, read with `pread` beside LMDB's map, and a cache of inner ones.
//!
//! A page fault costs several times a small `pread`: the kernel maps a page's neighbours along with it, and has
//! to take them out again when the resident part becomes too large. So reads do not touch the map at all. The
//! read transaction that is open meanwhile keeps every page of its snapshot as it is, which is why a cached page
//! is known by its snapshot's number and its own.

use crate::page::Page;
use lmdb::Error as Code;
use parking_lot::RwLock;
use std::{fs::File, io, os::unix::fs::FileExt};

/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;
/// More levels than LMDB itself allows.
const DEPTH_MAX: usize = 32;
/// Inner pages cached. The leaves of 1 GiB of small records have about 2,000 parents.
const SLOTS: usize = 1024;
/// A value longer than this in a damaged node would take memory before it is found out.
const VALUE_MAX: usize = 1 << 30;

/// The file's pages.
pub(crate) struct Pages {
    file: File,
    page_bytes: usize,
    slots: Vec<RwLock<Slot>>,
}

#[derive(Default)]
struct Slot {
    snapshot: usize,
    number: u64,
    page: Vec<u8>,
}

/// A table's tree as one snapshot has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Number of the snapshot's commit.
    pub(crate) snapshot: usize,
    /// Its topmost page.
    root: u64,
    /// Levels of pages above the leaves.
    branches: usize,
}

impl Tree {
    /// The tree that a record of LMDB's main database describes.
    pub(crate) fn parse(snapshot: usize, record: &[u8]) -> Result<Self, Code> {
        // pad (4), flags (2), depth (2), four counts of 8, root
        let depth = record.get(6..8).and_then(|depth| depth.try_into().ok()).map(u16::from_ne_bytes);
        let root = record.get(40..48).and_then(|root| root.try_into().ok()).map(u64::from_ne_bytes);
        match (depth, root) {
            (Some(depth), Some(root)) if (depth as usize) < DEPTH_MAX => {
                Ok(Tree { snapshot, root, branches: (depth as usize).saturating_sub(1) })
            }
            _ => Err(Code::Corrupted),
        }
    }

    /// Its topmost page, and how many levels are above the leaves. `None` for an empty one.
    pub(crate) fn top(self) -> Option<(u64, usize)> {
        (self.root != NO_PAGE).then_some((self.root, self.branches))
    }
}

impl Pages {
    /// The pages of `file`.
    pub(crate) fn new(file: File, page_bytes: usize) -> Self {
        Pages { file, page_bytes, slots: (0..SLOTS).map(|_| RwLock::default()).collect() }
    }

    /// Bytes of a page.
    pub(crate) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Hands a branch page to `look`, from the cache if it is there.
    pub(crate) fn with_branch<T>(
        &self,
        snapshot: usize,
        number: u64,
        look: impl FnOnce(Page<'_>) -> Result<T, Code>,
    ) -> Result<T, Code> {
        let slot = &self.slots[(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SLOTS];
        {
            let slot = slot.read();
            if (slot.snapshot, slot.number) == (snapshot, number) && !slot.page.is_empty() {
                return look(Page::checked(&slot.page));
            }
        }
        let mut page = vec![0; self.page_bytes];
        self.read(number, &mut page)?;
        let out = look(Page::branch(&page, number)?)?;
        *slot.write() = Slot { snapshot, number, page };
        Ok(out)
    }

    /// Looks through a whole tree, all but the values.
    pub(crate) fn check(&self, tree: Tree) -> Result<(), Code> {
        match tree.top() {
            Some((top, branches)) => self.check_below(top, branches),
            None => Ok(()),
        }
    }

    fn check_below(&self, number: u64, branches: usize) -> Result<(), Code> {
        let mut bytes = vec![0; self.page_bytes];
        self.read(number, &mut bytes)?;
        if branches == 0 {
            let leaf = Page::leaf(&bytes, number)?;
            return (0..leaf.len()).try_for_each(|index| leaf.key(index).map(drop));
        }
        let branch = Page::branch(&bytes, number)?;
        (0..branch.len()).try_for_each(|index| self.check_below(branch.child(index)?, branches - 1))
    }

    /// Reads as many pages as `into` holds, from a number on.
    pub(crate) fn read(&self, number: u64, into: &mut [u8]) -> Result<(), Code> {
        self.read_at(into, self.offset(number)?)
    }

    /// Reads a value that has pages of its own.
    pub(crate) fn read_value(&self, number: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Code> {
        if len > VALUE_MAX {
            return Err(Code::Corrupted);
        }
        into.resize(len, 0);
        self.read_at(into, self.offset(number)? + crate::page::PAGE_HEADER_BYTES as u64)
    }

    fn offset(&self, number: u64) -> Result<u64, Code> {
        let end = number.checked_add(1).and_then(|behind| behind.checked_mul(self.page_bytes as u64));
        end.map(|end| end - self.page_bytes as u64).ok_or(Code::Corrupted)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> Result<(), Code> {
        self.file.read_exact_at(into, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => Code::Corrupted,
            _ => Code::Other(error.raw_os_error().unwrap_or(libc::EIO)),
        })
    }
}
