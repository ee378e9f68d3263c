//! The reader: buckets, lookups and scans over a file that nobody vouches for.

use crate::{
    Error, LockedFile, ReadAt, Result,
    check::{self, Report},
    format::{BUCKET_BYTES, u64_at},
    meta::Meta,
    page::{Bounds, Page},
    walk::{Root, Walk},
};
use std::{ops::ControlFlow, path::Path};

/// An open bbolt file.
///
/// Reads go to the source page by page, so files larger than memory are fine; every scan has a buffer of its
/// own, a page for each level of the tree (with its overflow; a run of more than 1 GiB is refused). Any damage met on the way is an [`Error`]; pages that a call does not
/// need are not looked at, but by [`Reader::check`].
#[derive(Debug)]
pub struct Reader<S = LockedFile> {
    source: S,
    meta: Meta,
}

impl Reader {
    /// Opens a file, under the shared lock that bbolt's readers take.
    ///
    /// # Errors
    /// [`Error::InUse`] when someone has it open for writing, a running etcd for one; else as [`Reader::new`].
    pub fn open(path: impl AsRef<Path>) -> Result<Reader> {
        Reader::new(LockedFile::open(path.as_ref())?)
    }
}

impl<S: ReadAt> Reader<S> {
    /// Opens the file that `source` holds. Bytes after the pages in use are ignored.
    ///
    /// # Errors
    /// When it cannot be read, is no bbolt file, is truncated, or neither meta page is valid.
    pub fn new(source: S) -> Result<Self> {
        let meta = Meta::newest(&source)?;
        Ok(Reader { source, meta })
    }

    /// Bytes of the pages in use, free ones among them included: what bbolt calls the size of a transaction.
    /// What follows them in the file is not part of it.
    pub fn bytes(&self) -> u64 {
        // Cannot overflow: it was compared with the file's length.
        self.meta.high_water * self.meta.page_bytes
    }

    /// Size of its pages.
    pub fn page_bytes(&self) -> u64 {
        self.meta.page_bytes
    }

    /// Names of its buckets in ascending order.
    ///
    /// # Errors
    /// When the tree of buckets cannot be read or is damaged.
    pub fn buckets(&self) -> Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        self.each_bucket(|name, _| {
            names.push(name.to_vec());
            Ok(())
        })?;
        Ok(names)
    }

    /// Whether there is a bucket of that name.
    ///
    /// # Errors
    /// As [`Reader::buckets`].
    pub fn has_bucket(&self, name: &[u8]) -> Result<bool> {
        Ok(self.find_bucket(name)?.is_some())
    }

    /// The value of `key` in a bucket, if it is there.
    ///
    /// # Errors
    /// [`Error::NoBucket`], and whenever a page on the way cannot be read or is damaged.
    pub fn get(&self, bucket: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut walk = self.walk(self.bucket(bucket)?, key);
        let Some((page, at)) = walk.next_leaf()? else { return Ok(None) };
        if at >= page.count() || page.key(at) != key {
            return Ok(None);
        }
        Ok(Some(plain_record(page, at, bucket)?.1.to_vec()))
    }

    /// Visits a bucket's records from `from` (included) in ascending order of keys, until the visitor breaks.
    /// The slices are valid only during the call.
    ///
    /// # Errors
    /// As [`Reader::get`]. Records before a damaged page have been visited by then, exactly as they were written.
    pub fn scan<F>(&self, bucket: &[u8], from: &[u8], mut visit: F) -> Result<()>
    where
        F: FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    {
        let mut walk = self.walk(self.bucket(bucket)?, from);
        while let Some((page, first)) = walk.next_leaf()? {
            for at in first..page.count() {
                let (key, value) = plain_record(page, at, bucket)?;
                if visit(key, value).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads the whole file and checks what the other calls take on trust: that no page is used twice, and that
    /// a stored list of free pages names just those that are not used.
    ///
    /// # Errors
    /// The first damage found, or a failure to read.
    pub fn check(&self) -> Result<Report> {
        check::run(self)
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { page_bytes: self.meta.page_bytes, high_water: self.meta.high_water }
    }

    pub(crate) fn walk<'a>(&'a self, root: Root, from: &'a [u8]) -> Walk<'a, S> {
        Walk::new(&self.source, self.bounds(), root, from)
    }

    /// Root of the tree of buckets.
    pub(crate) fn root(&self) -> Root {
        Root::Page(self.meta.root)
    }

    /// Calls `visit` with each bucket's name and root.
    pub(crate) fn each_bucket(&self, mut visit: impl FnMut(&[u8], Root) -> Result<()>) -> Result<()> {
        let mut walk = self.walk(self.root(), b"");
        while let Some((page, _)) = walk.next_leaf()? {
            for at in 0..page.count() {
                visit(page.key(at), bucket_root(page, at)?)?;
            }
        }
        Ok(())
    }

    fn bucket(&self, name: &[u8]) -> Result<Root> {
        self.find_bucket(name)?.ok_or_else(|| Error::NoBucket(name.to_vec()))
    }

    fn find_bucket(&self, name: &[u8]) -> Result<Option<Root>> {
        let mut walk = self.walk(self.root(), name);
        match walk.next_leaf()? {
            Some((page, at)) if at < page.count() && page.key(at) == name => bucket_root(page, at).map(Some),
            _ => Ok(None),
        }
    }
}

/// Reads a bucket's header.
fn bucket_root(page: &Page, at: usize) -> Result<Root> {
    if !page.is_bucket(at) {
        return Err(page.damage("a record among the buckets"));
    }
    let (_, value) = page.record(at);
    if value.len() < BUCKET_BYTES {
        return Err(page.damage("a bucket's header cut short"));
    }
    Ok(match u64_at(value, 0) {
        0 => Root::Inline(value[BUCKET_BYTES..].to_vec()),
        id => Root::Page(id),
    })
}

/// Key and value of an element that must not be a bucket.
pub(crate) fn plain_record<'a>(page: &'a Page, at: usize, bucket: &[u8]) -> Result<(&'a [u8], &'a [u8])> {
    if page.is_bucket(at) {
        return Err(Error::Nested(bucket.to_vec()));
    }
    Ok(page.record(at))
}
