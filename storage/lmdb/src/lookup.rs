//! Looking up single keys.

use crate::{
    page::{Page, Place},
    pages::{Pages, Tree},
};
use lmdb::Error as Code;

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

/// The value of `key`. The caller keeps the snapshot's transaction open.
pub(crate) fn find<'s>(
    pages: &Pages,
    tree: Tree,
    key: &[u8],
    scratch: &'s mut Scratch,
) -> Result<Option<&'s [u8]>, Code> {
    if scratch.tree != Some(tree) || !Page::checked(&scratch.leaf).covers(key) {
        scratch.tree = None;
        let Some((mut number, branches)) = tree.top() else { return Ok(None) };
        for _ in 0..branches {
            number = pages.with_branch(tree.snapshot, number, |page| page.child(page.search_child(key)?))?;
        }
        scratch.leaf.resize(pages.page_bytes(), 0);
        pages.read(number, &mut scratch.leaf)?;
        Page::leaf(&scratch.leaf, number)?;
        scratch.tree = Some(tree);
    }
    let leaf = Page::checked(&scratch.leaf);
    let (index, is_there) = leaf.search(0, key)?;
    if !is_there {
        return Ok(None);
    }
    match leaf.place(index)? {
        Place::Here(range) => Ok(Some(&scratch.leaf[range])),
        Place::Own(number, len) => {
            pages.read_value(number, len, &mut scratch.big)?;
            Ok(Some(&scratch.big))
        }
    }
}
