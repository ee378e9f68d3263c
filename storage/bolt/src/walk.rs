//! A walk over one tree's pages, from a key on.
//!
//! Pages are met depth first, a branch before its children, with an explicit stack. Every child must lie
//! between its key in the branch and the next one there. That check alone makes the walk end: a page met twice
//! would have to hold keys of two disjoint intervals. What escapes it, a chain of branches with one child each,
//! is cut by the depth limit.

use crate::{
    Error, ReadAt, Result,
    page::{Bounds, Page},
};

/// Deeper than any tree of branches with two children could be in a file of 2^64 bytes.
const MAX_DEPTH: usize = 64;

/// Root of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Page(u64),
    /// The leaf of an inline bucket.
    Inline(Vec<u8>),
}

struct Frame {
    page: Page,
    /// The child to visit next; the one being visited is the one before.
    next: usize,
}

/// See the module's header.
pub(crate) struct Walk<'a, S> {
    source: &'a S,
    bounds: Bounds,
    /// Taken by the first step.
    root: Option<Root>,
    /// Key that the way down still looks for; taken by the first leaf.
    from: Option<&'a [u8]>,
    /// The page met last, with those above it.
    stack: Vec<Frame>,
    /// Buffers of pages left behind.
    spare: Vec<Vec<u8>>,
}

impl<'a, S: ReadAt> Walk<'a, S> {
    /// A walk over the pages that can hold `from` and what follows it.
    pub(crate) fn new(source: &'a S, bounds: Bounds, root: Root, from: &'a [u8]) -> Self {
        Walk { source, bounds, root: Some(root), from: Some(from), stack: Vec::new(), spare: Vec::new() }
    }

    /// The next page, and the first of its elements that counts.
    pub(crate) fn next_page(&mut self) -> Result<Option<(&Page, usize)>> {
        let Some(page) = self.load_next()? else { return Ok(None) };
        let first = match self.from {
            None => 0,
            Some(from) if page.is_leaf() => page.below(from),
            // The child whose interval holds the key; the first one if the key precedes them all.
            Some(from) => page.up_to(from).saturating_sub(1),
        };
        if page.is_leaf() {
            self.from = None;
        }
        self.stack.push(Frame { page, next: first });
        Ok(self.stack.last().map(|frame| (&frame.page, frame.next)))
    }

    /// The next leaf, and the first of its elements that counts.
    pub(crate) fn next_leaf(&mut self) -> Result<Option<(&Page, usize)>> {
        while let Some((page, _)) = self.next_page()? {
            if page.is_leaf() {
                return Ok(self.stack.last().map(|frame| (&frame.page, frame.next)));
            }
        }
        Ok(None)
    }

    /// Number of pages from the root to the page met last.
    pub(crate) fn depth(&self) -> usize {
        self.stack.len()
    }

    fn load_next(&mut self) -> Result<Option<Page>> {
        if let Some(root) = self.root.take() {
            let page = match root {
                Root::Page(id) => Page::load(self.source, self.bounds, id, Vec::new())?,
                Root::Inline(data) => Page::inline(data)?,
            };
            if page.count() == 0 && !page.is_leaf() {
                return Err(page.damage("a branch without children"));
            }
            return Ok(Some(page));
        }
        while let Some(frame) = self.stack.last_mut() {
            if !frame.page.is_leaf() && frame.next < frame.page.count() {
                let id = frame.page.child(frame.next);
                frame.next += 1;
                return self.load_child(id).map(Some);
            }
            if let Some(frame) = self.stack.pop() {
                self.spare.push(frame.page.into_buffer());
            }
        }
        Ok(None)
    }

    fn load_child(&mut self, id: u64) -> Result<Page> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error::Page { page: id, problem: "pages nested too deep" });
        }
        let page = Page::load(self.source, self.bounds, id, self.spare.pop().unwrap_or_default())?;
        let Some(last) = page.count().checked_sub(1) else {
            return Err(page.damage("no element, though not a root"));
        };
        // The page's interval begins at its key in the branch and ends at the next key there, or at the end
        // of the branch's own interval.
        let mut above = self.stack.iter().rev();
        let lower = above.clone().next().map(|frame| frame.page.key(frame.next - 1));
        let upper =
            above.find(|frame| frame.next < frame.page.count()).map(|frame| frame.page.key(frame.next));
        if lower.is_some_and(|lower| page.key(0) < lower)
            || upper.is_some_and(|upper| page.key(last) >= upper)
        {
            return Err(page.damage("keys outside of the branch's interval"));
        }
        Ok(page)
    }
}
