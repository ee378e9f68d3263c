//! Looking single keys up without touching the map.
//!
//! A page fault costs several times a small `pread` (the kernel maps a page's neighbours along with it, and
//! has to take them out again when the resident part is too large). Scans make up for that, since they use
//! the neighbours; lookups at random do not. So lookups walk LMDB's tree themselves: the inner pages from a
//! small cache, the one leaf by `pread`. The read transaction that is open meanwhile keeps every page of its
//! snapshot as it is, so a page is known by the number of the snapshot and its own.
//!
//! ```text
//!   page = number (8), pad (2), flags (2), lower (2), upper (2), offsets of nodes (2 each) ...
//!   node = size or child (4), flags or child (2), key length (2), key, value or number of its own page
//! ```
//!
//! Everything read is checked against the page's bounds: damage is an error here, not a crash.

use lmdb::Error as Code;
use parking_lot::RwLock;
use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the LMDB engine reads pages of 64-bit files; use another engine on this target");

const PAGE_HEADER_BYTES: usize = 16;
const NODE_HEADER_BYTES: usize = 8;
/// Page flags.
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// Node flags: the value has pages of its own; the record is no plain value.
const BIG_DATA: u16 = 0x01;
const NOT_PLAIN: u16 = 0x06;
/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;
/// More levels than LMDB itself allows.
const DEPTH_MAX: usize = 32;
/// Inner pages cached. The leaves of 1 GiB of small records have about 2,000 parents.
const SLOTS: usize = 1024;

/// The file's pages, and a cache of inner ones.
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

/// A tree as one snapshot has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Number of the snapshot's commit.
    pub(crate) snapshot: usize,
    /// Its topmost page.
    pub(crate) root: u64,
}

/// Where a value is.
enum Place {
    Leaf(Range<usize>),
    /// Number of its first page, and its length.
    Own(u64, usize),
}

/// Buffers of a lookup, kept for the next one.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The leaf looked at last; lookups of neighbours find it here.
    leaf: Vec<u8>,
    /// The last value that has pages of its own.
    big: Vec<u8>,
    /// Tree whose leaf it is.
    tree: Option<Tree>,
}

impl Scratch {
    /// Forgets what it holds, but not the memory. A large buffer goes.
    pub(crate) fn clear(&mut self) {
        self.tree = None;
        if self.big.capacity() > 64 << 10 {
            self.big = Vec::new();
        }
    }
}

impl Tree {
    /// The tree that a record of LMDB's main database describes.
    pub(crate) fn parse(snapshot: usize, record: &[u8]) -> Result<Self, Code> {
        // pad (4), flags (2), depth (2), four counts of 8, root
        let root = record.get(40..48).and_then(|root| root.try_into().ok()).ok_or(Code::Corrupted)?;
        Ok(Tree { snapshot, root: u64::from_ne_bytes(root) })
    }
}

impl Pages {
    /// The pages of `file`.
    pub(crate) fn new(file: File, page_bytes: usize) -> Self {
        Pages { file, page_bytes, slots: (0..SLOTS).map(|_| RwLock::default()).collect() }
    }

    /// The value of `key`. The caller keeps the snapshot's transaction open.
    pub(crate) fn find<'s>(
        &self,
        tree: Tree,
        key: &[u8],
        scratch: &'s mut Scratch,
    ) -> Result<Option<&'s [u8]>, Code> {
        if scratch.tree != Some(tree) || !covers(&scratch.leaf, key) {
            scratch.tree = None;
            let Some(leaf) = self.find_leaf(tree, key)? else { return Ok(None) };
            self.read_page(leaf, &mut scratch.leaf)?;
            scratch.tree = Some(tree);
        }
        match find_in_leaf(&scratch.leaf, key)? {
            None => Ok(None),
            Some(Place::Leaf(range)) => scratch.leaf.get(range).map(Some).ok_or(Code::Corrupted),
            Some(Place::Own(number, len)) => {
                scratch.big.resize(len, 0);
                let at = number.checked_mul(self.page_bytes as u64).ok_or(Code::Corrupted)?;
                self.read_at(&mut scratch.big, at + PAGE_HEADER_BYTES as u64)?;
                Ok(Some(&scratch.big))
            }
        }
    }

    /// Number of the leaf where `key` is if it is anywhere.
    fn find_leaf(&self, tree: Tree, key: &[u8]) -> Result<Option<u64>, Code> {
        let mut number = tree.root;
        if number == NO_PAGE {
            return Ok(None);
        }
        let mut page = Vec::new();
        for _ in 0..DEPTH_MAX {
            let slot = &self.slots[(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SLOTS];
            {
                let slot = slot.read();
                if (slot.snapshot, slot.number) == (tree.snapshot, number) && !slot.page.is_empty() {
                    number = find_child(&slot.page, key)?;
                    continue;
                }
            }
            self.read_page(number, &mut page)?;
            if flags(&page) & LEAF != 0 {
                return Ok(Some(number));
            }
            let child = find_child(&page, key)?;
            let mut slot = slot.write();
            (slot.snapshot, slot.number) = (tree.snapshot, number);
            std::mem::swap(&mut slot.page, &mut page);
            number = child;
        }
        Err(Code::Corrupted)
    }

    fn read_page(&self, number: u64, page: &mut Vec<u8>) -> Result<(), Code> {
        page.resize(self.page_bytes, 0);
        self.read_at(page, number.checked_mul(self.page_bytes as u64).ok_or(Code::Corrupted)?)?;
        // A page knows its number.
        if read::<8>(page, 0).map(u64::from_ne_bytes) == Some(number) { Ok(()) } else { Err(Code::Corrupted) }
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> Result<(), Code> {
        self.file.read_exact_at(into, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Code::Corrupted,
            _ => Code::Other(error.raw_os_error().unwrap_or(libc::EIO)),
        })
    }
}

fn read<const N: usize>(page: &[u8], at: usize) -> Option<[u8; N]> {
    page.get(at..at + N)?.try_into().ok()
}

fn read_u16(page: &[u8], at: usize) -> Option<u16> {
    read(page, at).map(u16::from_ne_bytes)
}

fn flags(page: &[u8]) -> u16 {
    read_u16(page, 10).unwrap_or(0)
}

fn nodes(page: &[u8]) -> usize {
    (read_u16(page, 12).unwrap_or(0) as usize).saturating_sub(PAGE_HEADER_BYTES) / 2
}

/// A node's place and key.
fn node(page: &[u8], index: usize) -> Option<(usize, &[u8])> {
    let at = read_u16(page, PAGE_HEADER_BYTES + 2 * index)? as usize;
    let key_len = read_u16(page, at + 6)? as usize;
    Some((at, page.get(at + NODE_HEADER_BYTES..at + NODE_HEADER_BYTES + key_len)?))
}

/// How many of the nodes `from..` have keys up to `key`, plus `from`; and whether the last of them has it.
fn search(page: &[u8], from: usize, key: &[u8]) -> Result<(usize, bool), Code> {
    let (mut low, mut high) = (from, nodes(page));
    while low < high {
        let middle = low.midpoint(high);
        let (_, found) = node(page, middle).ok_or(Code::Corrupted)?;
        match found.cmp(key) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok((middle + 1, true)),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok((low, false))
}

/// The child of a branch page where `key` is if it is anywhere.
fn find_child(page: &[u8], key: &[u8]) -> Result<u64, Code> {
    if flags(page) & BRANCH == 0 || nodes(page) == 0 {
        return Err(Code::Corrupted);
    }
    // The first node has no key: it stands for all below the second.
    let (behind, _) = search(page, 1, key)?;
    let child = || {
        let (at, _) = node(page, behind - 1)?;
        let low = u32::from_ne_bytes(read(page, at)?);
        Some(u64::from(low) | u64::from(read_u16(page, at + 4)?) << 32)
    };
    child().ok_or(Code::Corrupted)
}

/// Whether `key` can only be in this leaf.
fn covers(leaf: &[u8], key: &[u8]) -> bool {
    let bounds = || Some((node(leaf, 0)?.1, node(leaf, nodes(leaf).checked_sub(1)?)?.1));
    bounds().is_some_and(|(first, last)| (first..=last).contains(&key))
}

fn find_in_leaf(leaf: &[u8], key: &[u8]) -> Result<Option<Place>, Code> {
    let (behind, is_there) = search(leaf, 0, key)?;
    if !is_there {
        return Ok(None);
    }
    let place = || {
        let (at, key) = node(leaf, behind - 1)?;
        let len = u32::from_ne_bytes(read(leaf, at)?) as usize;
        let value = at + NODE_HEADER_BYTES + key.len();
        match read_u16(leaf, at + 4)? {
            flags if flags & NOT_PLAIN != 0 => None,
            flags if flags & BIG_DATA != 0 => Some(Place::Own(u64::from_ne_bytes(read(leaf, value)?), len)),
            _ => Some(Place::Leaf(value..value + len)),
        }
    };
    place().map(Some).ok_or(Code::Corrupted)
}
