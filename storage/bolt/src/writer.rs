//! The second pass: the pages themselves, front to back.

use crate::{
    Error, Layout, Result,
    format::{BRANCH, ELEMENT_BYTES, HEADER_BYTES, Header, LEAF, PAGE_BYTES},
    tree::{Builder, Node, Pages, run_pages},
};
use std::io::{self, Seek, SeekFrom, Write};

/// Pages are handed over once this many bytes are together.
const PIECE_BYTES: usize = 64 << 10;

/// Writes a file whose [`Layout`] is known, without ever going back: `out` may be a socket.
///
/// `out` gets pieces of 64 KiB or somewhat more, only the last may be smaller; it needs no buffer of its own.
/// Memory is what two of the largest records take, and a few pages.
pub struct Writer<W>(Builder<Emitting<W>>);

impl<W: Write> Writer<W> {
    /// Begins a file with its meta pages.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W, layout: Layout) -> Result<Self> {
        let mut pages = Emitting::new(out, Some(layout));
        layout.encode_metas(&mut pages.piece);
        Ok(Writer(Builder::new(pages)))
    }

    /// Begins a bucket, as the plan did.
    ///
    /// # Errors
    /// As [`Plan::bucket`](crate::Plan::bucket), or when `out` fails.
    pub fn bucket(&mut self, name: &[u8]) -> Result<()> {
        self.0.bucket(name)
    }

    /// Adds a record to the bucket begun last, as the plan did.
    ///
    /// # Errors
    /// As [`Plan::put`](crate::Plan::put), when `out` fails, or when it is already clear that the records are
    /// more than those that were planned.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.put(key, value)
    }

    /// Writes what is left, flushes `out` and gives it back.
    ///
    /// # Errors
    /// When `out` fails, or with [`Error::Changed`] when the records were not those of the plan. What was
    /// written must then be thrown away.
    pub fn finish(self) -> Result<W> {
        let (root, pages, mut emitting) = self.0.finish()?;
        if emitting.layout != Some(Layout::new(root, pages)) {
            return Err(Error::Changed);
        }
        emitting.flush()?;
        Ok(emitting.out)
    }
}

/// Writes a file in one pass, without a plan, by going back to its begin at the end. Until then the file is none
/// that a reader would accept.
pub struct SeekWriter<W>(Builder<Emitting<W>>);

impl<W: Write + Seek> SeekWriter<W> {
    /// Begins a file at the begin of `out`.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(mut out: W) -> Result<Self> {
        out.seek(SeekFrom::Start(0))?;
        let mut pages = Emitting::new(out, None);
        pages.piece.resize(2 * PAGE_BYTES, 0);
        Ok(SeekWriter(Builder::new(pages)))
    }

    /// As [`Writer::bucket`].
    ///
    /// # Errors
    /// As [`Plan::bucket`](crate::Plan::bucket), or when `out` fails.
    pub fn bucket(&mut self, name: &[u8]) -> Result<()> {
        self.0.bucket(name)
    }

    /// As [`Writer::put`].
    ///
    /// # Errors
    /// As [`Plan::put`](crate::Plan::put), or when `out` fails.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.put(key, value)
    }

    /// Writes what is left, then the metas; flushes `out` and gives it back, at the file's end. Syncing a file
    /// to its device is left to the caller.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish(self) -> Result<(W, Layout)> {
        let (root, pages, mut emitting) = self.0.finish()?;
        emitting.flush()?;
        let layout = Layout::new(root, pages);
        let mut metas = Vec::with_capacity(2 * PAGE_BYTES);
        layout.encode_metas(&mut metas);
        let mut out = emitting.out;
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&metas)?;
        out.flush()?;
        out.seek(SeekFrom::Start(layout.bytes()))?;
        Ok((out, layout))
    }
}

/// An element of the open leaf, whose key and value lie in the leaf's data.
struct Element {
    flags: u32,
    key_bytes: u32,
    value_bytes: u32,
}

/// Encodes pages and writes them out.
struct Emitting<W> {
    out: W,
    /// What the file must become, where that is known.
    layout: Option<Layout>,
    elements: Vec<Element>,
    /// Keys and values of the open leaf.
    data: Vec<u8>,
    /// Finished pages.
    piece: Vec<u8>,
}

impl<W: Write> Emitting<W> {
    fn new(out: W, layout: Option<Layout>) -> Self {
        Emitting { out, layout, elements: Vec::new(), data: Vec::new(), piece: Vec::new() }
    }

    /// Appends header, elements, keys and values of the open leaf to `piece`, and empties it.
    fn encode_leaf(&mut self, id: u64, overflow: u32) {
        // A page of 4096 bytes, or a run of 8, holds far fewer than 2^16 elements of 17 bytes.
        let count = self.elements.len() as u16;
        Header { id, kind: LEAF, count, overflow }.encode(&mut self.piece);
        let mut distance = self.elements.len() * ELEMENT_BYTES;
        for element in &self.elements {
            for number in [element.flags, distance as u32, element.key_bytes, element.value_bytes] {
                self.piece.extend_from_slice(&number.to_le_bytes());
            }
            // From the next element, the distance is shorter by one element.
            distance += element.key_bytes as usize + element.value_bytes as usize;
            distance -= ELEMENT_BYTES;
        }
        self.piece.extend_from_slice(&self.data);
        self.elements.clear();
        self.data.clear();
    }

    /// Fills a run up with zeros; hands finished pages over when they are enough.
    fn end_run(&mut self, id: u64, used_bytes: usize) -> Result<()> {
        let pages = run_pages(used_bytes);
        if self.layout.is_some_and(|layout| id + pages as u64 > layout.pages()) {
            return Err(Error::Changed);
        }
        self.piece.resize(self.piece.len() + pages * PAGE_BYTES - used_bytes, 0);
        if self.piece.len() >= PIECE_BYTES {
            self.write_piece()?;
        }
        Ok(())
    }

    fn write_piece(&mut self) -> io::Result<()> {
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_piece()?;
        self.out.flush()
    }
}

/// Overflow count of a run.
fn overflow(used_bytes: usize) -> u32 {
    (run_pages(used_bytes) - 1) as u32
}

impl<W: Write> Pages for Emitting<W> {
    fn element(&mut self, flags: u32, key: &[u8], value: &[u8]) {
        // Both lengths are below 2^31: the builder checks them.
        let (key_bytes, value_bytes) = (key.len() as u32, value.len() as u32);
        self.elements.push(Element { flags, key_bytes, value_bytes });
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
    }

    fn leaf(&mut self, id: u64, used_bytes: usize) -> Result<()> {
        self.encode_leaf(id, overflow(used_bytes));
        self.end_run(id, used_bytes)
    }

    fn inline_leaf(&mut self, used_bytes: usize) -> Vec<u8> {
        let begin = self.piece.len();
        self.encode_leaf(0, 0);
        debug_assert_eq!(self.piece.len() - begin, used_bytes);
        self.piece.split_off(begin)
    }

    fn branch(&mut self, id: u64, node: &Node) -> Result<()> {
        let used_bytes = node.used_bytes();
        // Few children, as with leaves.
        let count = node.count() as u16;
        Header { id, kind: BRANCH, count, overflow: overflow(used_bytes) }.encode(&mut self.piece);
        let mut distance = node.count() * ELEMENT_BYTES;
        for (key, page) in node.children() {
            self.piece.extend_from_slice(&(distance as u32).to_le_bytes());
            self.piece.extend_from_slice(&(key.len() as u32).to_le_bytes());
            self.piece.extend_from_slice(&page.to_le_bytes());
            distance += key.len();
            distance -= ELEMENT_BYTES;
        }
        self.piece.extend_from_slice(node.keys());
        debug_assert_eq!(used_bytes, HEADER_BYTES + node.count() * ELEMENT_BYTES + node.keys().len());
        self.end_run(id, used_bytes)
    }
}
