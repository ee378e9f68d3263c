//! Walking a table in order.
//!
//! Leaves that follow each other in the tree mostly do so in the file, too: revisions are appended. So they are
//! read in runs, which are short at first, for scans that stop soon.

use crate::{
    page::{Page, Place},
    pages::{Pages, Tree},
    raw::Record,
};
use lmdb::Error as Code;

/// Longest run of leaves that is read at once.
const RUN_MAX: usize = 16;

/// A place in a table.
pub(crate) struct Scan<'p> {
    pages: &'p Pages,
    tree: Tree,
    /// Branch pages from the top down, and the child to go to next in each.
    path: Vec<Level>,
    /// Leaves read and not walked yet, and their numbers.
    run: Vec<u8>,
    run_number: u64,
    /// The leaf of the run, and the node in it, to go to next.
    leaf: usize,
    node: usize,
    run_max: usize,
    /// The last value that has pages of its own.
    big: Vec<u8>,
}

struct Level {
    page: Vec<u8>,
    next: usize,
}

impl<'p> Scan<'p> {
    /// Goes to the first record at or behind `from`. The caller keeps the snapshot's transaction open.
    pub(crate) fn new(pages: &'p Pages, tree: Tree, from: &[u8]) -> Result<Self, Code> {
        let (path, run, big) = (Vec::new(), Vec::new(), Vec::new());
        let mut scan = Scan { pages, tree, path, run, run_number: 0, leaf: 0, node: 0, run_max: 1, big };
        let Some((top, branches)) = tree.top() else { return Ok(scan) };
        scan.descend(top, branches, |page| page.search_child(from))?;
        scan.read_run()?;
        scan.node = scan.current()?.map_or(Ok(0), |leaf| leaf.search(0, from).map(|(index, _)| index))?;
        Ok(scan)
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, Code> {
        loop {
            let Some(leaf) = self.current()? else { return Ok(None) };
            if self.node < leaf.len() {
                break;
            }
            (self.leaf, self.node) = (self.leaf + 1, 0);
            if self.leaf * self.pages.page_bytes() >= self.run.len() {
                self.run_max = (self.run_max * 2).min(RUN_MAX);
                self.read_run()?;
            }
        }
        let at = self.leaf * self.pages.page_bytes();
        let bytes = &self.run[at..at + self.pages.page_bytes()];
        let leaf = Page::checked(bytes);
        let node = self.node;
        self.node += 1;
        match leaf.place(node)? {
            Place::Here(range) => Ok(Some((leaf.key(node)?, &bytes[range]))),
            Place::Own(number, len) => {
                self.pages.read_value(number, len, &mut self.big)?;
                Ok(Some((leaf.key(node)?, &self.big)))
            }
        }
    }

    /// The leaf it is in; `None` behind the last one.
    fn current(&self) -> Result<Option<Page<'_>>, Code> {
        let at = self.leaf * self.pages.page_bytes();
        match self.run.get(at..at + self.pages.page_bytes()) {
            None => Ok(None),
            // Its first record: not looked at before.
            Some(bytes) if self.node == 0 => Page::leaf(bytes, self.run_number + self.leaf as u64).map(Some),
            Some(bytes) => Ok(Some(Page::checked(bytes))),
        }
    }

    /// Goes down from page `number` until the path has `branches` levels, each time to the child that `choose`
    /// says.
    fn descend(
        &mut self,
        mut number: u64,
        branches: usize,
        choose: impl Fn(Page<'_>) -> Result<usize, Code>,
    ) -> Result<(), Code> {
        if branches == 0 {
            // The only leaf is the top.
            self.run_number = number;
            self.run.resize(self.pages.page_bytes(), 0);
            return self.pages.read(number, &mut self.run);
        }
        while self.path.len() < branches {
            let mut page = vec![0; self.pages.page_bytes()];
            self.pages.read(number, &mut page)?;
            let branch = Page::branch(&page, number)?;
            let chosen = choose(branch)?;
            number = branch.child(chosen)?;
            let is_lowest = self.path.len() + 1 == branches;
            // The lowest level's child is a leaf, which is not read yet.
            self.path.push(Level { page, next: if is_lowest { chosen } else { chosen + 1 } });
        }
        Ok(())
    }

    /// Reads the next leaves; none at the end.
    fn read_run(&mut self) -> Result<(), Code> {
        let Some((_, branches)) = self.tree.top() else { return Ok(()) };
        if branches == 0 {
            if self.leaf > 0 {
                self.run.clear();
            }
            return Ok(());
        }
        self.run.clear();
        self.leaf = 0;
        // Up from branches that are walked through, and down again to the left.
        loop {
            let depth = self.path.len();
            let Some(level) = self.path.last_mut() else { return Ok(()) };
            let page = Page::checked(&level.page);
            if level.next >= page.len() {
                self.path.pop();
                continue;
            }
            let number = page.child(level.next)?;
            if depth < branches {
                level.next += 1;
                self.descend(number, branches, |_| Ok(0))?;
                continue;
            }
            let mut count = 1;
            while count < self.run_max.min(page.len() - level.next) {
                if page.child(level.next + count)? != number + count as u64 {
                    break;
                }
                count += 1;
            }
            level.next += count;
            self.run_number = number;
            self.run.resize(count * self.pages.page_bytes(), 0);
            return self.pages.read(number, &mut self.run);
        }
    }
}
