//! A check of the whole file: every page in use is reached once, or free.

use crate::{
    Error, ReadAt, Reader, Result,
    format::{FREE_LIST, HEADER_BYTES, u64_at},
    page::{Bounds, Page},
    page_set::PageSet,
    reader::plain_record,
    walk::Root,
};

/// Ids of a free list that are read at once.
const IDS_PER_READ: u64 = 4096;
/// In a free list's header: the number of ids stands before the first of them.
const COUNT_FOLLOWS: u16 = u16::MAX;

/// What a check of a file found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Buckets.
    pub buckets: u64,
    /// Records in all buckets.
    pub records: u64,
    /// Pages in use or free, the two metas included.
    pub pages: u64,
    /// Branch pages, without overflow.
    pub branch_pages: u64,
    /// Leaf pages, without overflow.
    pub leaf_pages: u64,
    /// Further pages of branches and leaves that are longer than one.
    pub overflow_pages: u64,
    /// Pages not used.
    pub free_pages: u64,
    /// Bytes that are used within branches and leaves.
    pub used_bytes: u64,
    /// Pages from a root to its leaves, at most.
    pub depth: u64,
}

struct Check<'a, S> {
    reader: &'a Reader<S>,
    met: PageSet,
    report: Report,
}

pub(crate) fn run<S: ReadAt>(reader: &Reader<S>) -> Result<Report> {
    let mut check = Check { reader, met: PageSet::default(), report: Report::default() };
    for meta in 0..2 {
        check.met.insert(meta);
    }
    check.tree(reader.root(), &mut |_| Ok(()))?;
    let mut roots = Vec::new();
    reader.each_bucket(|name, root| {
        roots.push((name.to_vec(), root));
        Ok(())
    })?;
    for (name, root) in roots {
        let records = &mut 0;
        check.tree(root, &mut |leaf| {
            *records += leaf.count() as u64;
            (0..leaf.count()).try_for_each(|at| plain_record(leaf, at, &name).map(|_| ()))
        })?;
        check.report.buckets += 1;
        check.report.records += *records;
    }
    check.free_pages()?;
    Ok(check.report)
}

impl<S: ReadAt> Check<'_, S> {
    /// Walks over a whole tree, calling `visit` with its leaves.
    fn tree(&mut self, root: Root, visit: &mut dyn FnMut(&Page) -> Result<()>) -> Result<()> {
        let is_inline = matches!(root, Root::Inline(_));
        let mut walk = self.reader.walk(root, b"");
        while let Some((page, _)) = walk.next_page()? {
            if !is_inline {
                meet(&mut self.met, page.id(), page.overflow())?;
                self.report.overflow_pages += u64::from(page.overflow());
                self.report.used_bytes += page.used_bytes() as u64;
                let kind =
                    if page.is_leaf() { &mut self.report.leaf_pages } else { &mut self.report.branch_pages };
                *kind += 1;
            }
            if page.is_leaf() {
                visit(page)?;
            }
            self.report.depth = self.report.depth.max(walk.depth() as u64);
        }
        Ok(())
    }

    fn free_pages(&mut self) -> Result<()> {
        let high_water = self.reader.meta().high_water;
        self.report.pages = high_water;
        let Some(list) = self.reader.meta().free_list else {
            // Without a list, free is whatever the trees do not reach.
            self.report.free_pages = high_water - self.met.count();
            return Ok(());
        };
        self.listed_pages(list)?;
        if self.met.count() < high_water {
            return Err(Error::Page { page: list, problem: "a free list that lacks unused pages" });
        }
        Ok(())
    }

    /// Meets the pages that the free list at `list` names.
    fn listed_pages(&mut self, list: u64) -> Result<()> {
        let damage = |problem| Error::Page { page: list, problem };
        let (source, bounds) = (self.reader.source(), self.reader.bounds());
        let header = bounds.header(source, list)?;
        if header.kind != FREE_LIST {
            return Err(damage("not a free list"));
        }
        meet(&mut self.met, list, header.overflow)?;
        let mut offset = list * bounds.page_bytes + HEADER_BYTES as u64;
        let mut room = bounds.run_bytes(header) - HEADER_BYTES as u64;
        let mut left = u64::from(header.count);
        if header.count == COUNT_FOLLOWS {
            let mut count = [0; 8];
            source.read_exact_at(&mut count, offset)?;
            left = u64::from_le_bytes(count);
            offset += 8;
            room -= 8;
        }
        if left > room / 8 {
            return Err(damage("more free pages than the list has room for"));
        }
        self.report.free_pages = left;
        let mut ids = Vec::new();
        while left > 0 {
            let now = left.min(IDS_PER_READ);
            ids.resize(now as usize * 8, 0);
            source.read_exact_at(&mut ids, offset)?;
            for id in ids.chunks_exact(8).map(|id| u64_at(id, 0)) {
                self.free_page(bounds, id)?;
            }
            offset += now * 8;
            left -= now;
        }
        Ok(())
    }

    fn free_page(&mut self, bounds: Bounds, id: u64) -> Result<()> {
        if !(2..bounds.high_water).contains(&id) {
            return Err(Error::OutOfBounds { page: id });
        }
        if !self.met.insert(id) {
            return Err(Error::Page { page: id, problem: "free and in use, or free twice" });
        }
        Ok(())
    }
}

/// Notes a run of pages as used.
fn meet(met: &mut PageSet, id: u64, overflow: u32) -> Result<()> {
    for page in id..=id + u64::from(overflow) {
        if !met.insert(page) {
            return Err(Error::Page { page, problem: "used twice" });
        }
    }
    Ok(())
}
