//! The first pass: how large the file becomes, and where its tree will begin.

use crate::{
    Result,
    format::PAGE_BYTES,
    meta::Meta,
    tree::{Builder, Node, Pages},
};

/// The shape of a file that is still to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    root: u64,
    pages: u64,
}

impl Layout {
    pub(crate) fn new(root: u64, pages: u64) -> Self {
        Layout { root, pages }
    }

    /// Exact length of the file.
    pub fn bytes(&self) -> u64 {
        self.pages * PAGE_BYTES as u64
    }

    /// Number of its pages, the two metas included.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Appends both meta pages. The first is the newer one, as in any file that bbolt copies.
    pub(crate) fn encode_metas(&self, out: &mut Vec<u8>) {
        let meta = Meta {
            page_bytes: PAGE_BYTES as u64,
            root: self.root,
            free_list: None,
            high_water: self.pages,
            transaction: 2,
        };
        meta.encode(0, out);
        Meta { transaction: 1, ..meta }.encode(1, out);
    }
}

/// Sizes a file: takes the records that a [`Writer`](crate::Writer) will take, in the same order.
pub struct Plan(Builder<Counting>);

impl Plan {
    /// A plan for a file without buckets.
    #[expect(clippy::new_without_default, reason = "a plan is made to be filled and finished")]
    pub fn new() -> Self {
        Plan(Builder::new(Counting))
    }

    /// Begins a bucket; the one before it is complete. Buckets may come in any order.
    ///
    /// # Errors
    /// When the name is empty, longer than [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES), or was there before.
    pub fn bucket(&mut self, name: &[u8]) -> Result<()> {
        self.0.bucket(name)
    }

    /// Adds a record to the bucket begun last. Of the value, only its length is looked at.
    ///
    /// # Errors
    /// When the key does not follow the one before, or a length is not allowed.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.put(key, value)
    }

    /// The file's shape.
    ///
    /// # Errors
    /// None that the methods above do not report first.
    pub fn finish(self) -> Result<Layout> {
        let (root, pages, Counting) = self.0.finish()?;
        Ok(Layout { root, pages })
    }
}

/// Pages that nobody needs.
struct Counting;

impl Pages for Counting {
    fn element(&mut self, _: u32, _: &[u8], _: &[u8]) {}

    fn leaf(&mut self, _: u64, _: usize) -> Result<()> {
        Ok(())
    }

    fn inline_leaf(&mut self, used_bytes: usize) -> Vec<u8> {
        // Only its length counts; it is a quarter of a page at most.
        vec![0; used_bytes]
    }

    fn branch(&mut self, _: u64, _: &Node) -> Result<()> {
        Ok(())
    }
}
