//! LMDB's pages, read as bytes. Everything is checked against the page's bounds: damage is an error here, not a
//! crash.
//!
//! ```text
//!   page = number (8), pad (2), flags (2), lower (2), upper (2), offsets of nodes (2 each) ...
//!   node = size or child (4), flags or child (2), key length (2), key, value or number of its own page
//! ```
//!
//! `lower` is where the offsets end. In a branch page the first node has no key: it stands for everything below
//! the second.

use lmdb::Error as Code;
use std::ops::Range;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the LMDB engine reads pages of 64-bit files; use another engine on this target");

/// Bytes before a page's nodes, or before the value that a page begins.
pub(crate) const PAGE_HEADER_BYTES: usize = 16;
const NODE_HEADER_BYTES: usize = 8;
/// Page flags.
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// Node flags: the value has pages of its own; the record is no plain value.
const BIG_DATA: u16 = 0x01;
const NOT_PLAIN: u16 = 0x06;

/// A page of a tree.
#[derive(Clone, Copy)]
pub(crate) struct Page<'p>(&'p [u8]);

/// Where a value is.
pub(crate) enum Place {
    /// In the page itself.
    Here(Range<usize>),
    /// In pages of its own, from this number on, with this length.
    Own(u64, usize),
}

impl<'p> Page<'p> {
    /// The page of this number that `bytes` should be, a branch or a leaf.
    pub(crate) fn branch(bytes: &'p [u8], number: u64) -> Result<Self, Code> {
        Self::new(bytes, number, BRANCH)
    }

    /// As [`Page::branch`].
    pub(crate) fn leaf(bytes: &'p [u8], number: u64) -> Result<Self, Code> {
        Self::new(bytes, number, LEAF)
    }

    fn new(bytes: &'p [u8], number: u64, kind: u16) -> Result<Self, Code> {
        let page = Page(bytes);
        let is_it = page.read(0).map(u64::from_ne_bytes) == Some(number);
        let is_kind = page.u16(10).is_some_and(|flags| flags & (BRANCH | LEAF) == kind);
        // LMDB takes an empty page out of the tree.
        if is_it && is_kind && page.len() > 0 { Ok(page) } else { Err(Code::Corrupted) }
    }

    /// A page that was checked before.
    pub(crate) fn checked(bytes: &'p [u8]) -> Self {
        Page(bytes)
    }

    fn read<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at + N)?.try_into().ok()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.read(at).map(u16::from_ne_bytes)
    }

    /// Number of its nodes.
    pub(crate) fn len(self) -> usize {
        (self.u16(12).unwrap_or(0) as usize).saturating_sub(PAGE_HEADER_BYTES) / 2
    }

    fn node(self, index: usize) -> Option<(usize, &'p [u8])> {
        let at = self.u16(PAGE_HEADER_BYTES + 2 * index)? as usize;
        let key_len = self.u16(at + 6)? as usize;
        Some((at, self.0.get(at + NODE_HEADER_BYTES..at + NODE_HEADER_BYTES + key_len)?))
    }

    /// The key of a node.
    pub(crate) fn key(self, index: usize) -> Result<&'p [u8], Code> {
        self.node(index).map(|(_, key)| key).ok_or(Code::Corrupted)
    }

    /// The first of the nodes from `first` on whose key is not below `key`, and whether it is `key`.
    pub(crate) fn search(self, first: usize, key: &[u8]) -> Result<(usize, bool), Code> {
        let (mut low, mut high) = (first, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle)?.cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok((middle, true)),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok((low, false))
    }

    /// The node of a branch below which `key` is if it is anywhere.
    pub(crate) fn search_child(self, key: &[u8]) -> Result<usize, Code> {
        let (index, is_key) = self.search(1, key)?;
        Ok(if is_key { index } else { index - 1 })
    }

    /// Number of the page below a node of a branch.
    pub(crate) fn child(self, index: usize) -> Result<u64, Code> {
        let child = || {
            let (at, _) = self.node(index)?;
            let low = u32::from_ne_bytes(self.read(at)?);
            Some(u64::from(low) | u64::from(self.u16(at + 4)?) << 32)
        };
        child().ok_or(Code::Corrupted)
    }

    /// Where the value of a leaf's node is.
    pub(crate) fn place(self, index: usize) -> Result<Place, Code> {
        let place = || {
            let (at, key) = self.node(index)?;
            let len = u32::from_ne_bytes(self.read(at)?) as usize;
            let value = at + NODE_HEADER_BYTES + key.len();
            match self.u16(at + 4)? {
                flags if flags & NOT_PLAIN != 0 => None,
                flags if flags & BIG_DATA != 0 => {
                    Some(Place::Own(u64::from_ne_bytes(self.read(value)?), len))
                }
                _ if value + len > self.0.len() => None,
                _ => Some(Place::Here(value..value + len)),
            }
        };
        place().ok_or(Code::Corrupted)
    }

    /// Whether `key` can only be in this leaf.
    pub(crate) fn covers(self, key: &[u8]) -> bool {
        let last = self.len().saturating_sub(1);
        matches!((self.key(0), self.key(last)), (Ok(first), Ok(last)) if (first..=last).contains(&key))
    }
}
