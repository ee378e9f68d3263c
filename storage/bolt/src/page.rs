//! One branch or leaf page, loaded and checked.
//!
//! Only the bytes that the elements claim are loaded, and they may claim no more than the page's run holds. So
//! a damaged length costs no memory: the elements and the overflow count would have to lie in agreement, and
//! the file be as long as they say.

use crate::{
    Error, ReadAt, Result,
    format::{BRANCH, BUCKET_FLAG, ELEMENT_BYTES, HEADER_BYTES, Header, LEAF, u32_at, u64_at},
};
use std::ops::Range;

/// Largest run that is read: it has room for several of the largest requests that an etcd can be set to accept.
const MAX_RUN_BYTES: u64 = 1 << 30;

/// What a file's pages are measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) page_bytes: u64,
    pub(crate) high_water: u64,
}

impl Bounds {
    /// Reads the header of page `id` and checks that its whole run is in use.
    pub(crate) fn header(&self, source: &impl ReadAt, id: u64) -> Result<Header> {
        let mut bytes = [0; HEADER_BYTES];
        self.first_bytes(source, id, &mut bytes)?;
        self.check(Header::decode(&bytes), id)
    }

    /// Length of a page with its overflow.
    pub(crate) fn run_bytes(&self, header: Header) -> u64 {
        (u64::from(header.overflow) + 1) * self.page_bytes
    }

    fn first_bytes(&self, source: &impl ReadAt, id: u64, buffer: &mut [u8]) -> Result<()> {
        // Pages 0 and 1 are the metas; no other page points to them.
        if !(2..self.high_water).contains(&id) {
            return Err(Error::OutOfBounds { page: id });
        }
        Ok(source.read_exact_at(buffer, id * self.page_bytes)?)
    }

    fn check(&self, header: Header, id: u64) -> Result<Header> {
        if header.id != id {
            return Err(Error::Page { page: id, problem: "another page's id in its header" });
        }
        if self.high_water - id <= u64::from(header.overflow) {
            return Err(Error::Page { page: id, problem: "overflow beyond the pages in use" });
        }
        if self.run_bytes(header) > MAX_RUN_BYTES {
            return Err(Error::Page { page: id, problem: "a run of pages longer than 1 GiB" });
        }
        Ok(header)
    }
}

/// A branch or leaf whose elements are in bounds and in ascending order of keys.
#[derive(Debug)]
pub(crate) struct Page {
    id: u64,
    leaf: bool,
    count: usize,
    /// Pages that belong to it besides the first.
    overflow: u32,
    /// From the header on, as far as elements claim.
    data: Vec<u8>,
}

impl Page {
    /// Loads page `id` into `data`, an old buffer.
    pub(crate) fn load(source: &impl ReadAt, bounds: Bounds, id: u64, mut data: Vec<u8>) -> Result<Page> {
        let damage = |problem| Error::Page { page: id, problem };
        data.resize(bounds.page_bytes as usize, 0);
        bounds.first_bytes(source, id, &mut data)?;
        let header = bounds.check(Header::decode(&data), id)?;
        let run_bytes = bounds.run_bytes(header);
        let offset = id * bounds.page_bytes;
        let table_bytes = table_bytes(header);
        if table_bytes as u64 > run_bytes {
            return Err(damage("more elements than fit"));
        }
        read_up_to(source, offset, table_bytes, &mut data)?;
        // The run is at most 1 GiB, so it fits a usize on any machine that this runs on.
        let used_bytes = used_bytes(header, &data, run_bytes as usize)?;
        read_up_to(source, offset, used_bytes, &mut data)?;
        data.truncate(used_bytes);
        Page::ordered(header, data)
    }

    /// The leaf of an inline bucket, from the bytes that follow the bucket's header.
    pub(crate) fn inline(data: Vec<u8>) -> Result<Page> {
        let damage = |problem| Error::Page { page: 0, problem };
        if data.len() < HEADER_BYTES {
            return Err(damage("an inline bucket cut short"));
        }
        let header = Header::decode(&data);
        if header.kind != LEAF {
            return Err(damage("an inline bucket that is no leaf"));
        }
        if table_bytes(header) > data.len() {
            return Err(damage("more elements than fit"));
        }
        used_bytes(header, &data, data.len())?;
        Page::ordered(Header { id: 0, overflow: 0, ..header }, data)
    }

    fn ordered(header: Header, data: Vec<u8>) -> Result<Page> {
        let Header { id, kind, count, overflow } = header;
        let page = Page { id, leaf: kind == LEAF, count: usize::from(count), overflow, data };
        if (1..page.count).any(|at| page.key(at - 1) >= page.key(at)) {
            return Err(page.damage("keys out of order"));
        }
        Ok(page)
    }

    /// An error about this page.
    pub(crate) fn damage(&self, problem: &'static str) -> Error {
        Error::Page { page: self.id, problem }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.leaf
    }

    /// Number of elements.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn overflow(&self) -> u32 {
        self.overflow
    }

    /// Bytes that its header, elements, keys and values take.
    pub(crate) fn used_bytes(&self) -> usize {
        self.data.len()
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.data
    }

    /// Places of an element's key and value. Those of every element were checked when the page was loaded.
    fn places(&self, at: usize) -> (Range<usize>, Range<usize>) {
        let places = places(&self.data, self.leaf, at);
        let begin = places.begin as usize;
        let middle = begin + places.key_bytes as usize;
        (begin..middle, middle..middle + places.value_bytes as usize)
    }

    pub(crate) fn key(&self, at: usize) -> &[u8] {
        &self.data[self.places(at).0]
    }

    /// Key and value of a leaf's element.
    pub(crate) fn record(&self, at: usize) -> (&[u8], &[u8]) {
        let (key, value) = self.places(at);
        (&self.data[key], &self.data[value])
    }

    /// Whether a leaf's element is a bucket.
    pub(crate) fn is_bucket(&self, at: usize) -> bool {
        u32_at(&self.data, element(at)) == BUCKET_FLAG
    }

    /// Page id of a branch's child.
    pub(crate) fn child(&self, at: usize) -> u64 {
        u64_at(&self.data, element(at) + 8)
    }

    /// Number of elements whose key is below `key`.
    pub(crate) fn below(&self, key: &[u8]) -> usize {
        self.partition(|found| found < key)
    }

    /// Number of elements whose key is `key` or below.
    pub(crate) fn up_to(&self, key: &[u8]) -> usize {
        self.partition(|found| found <= key)
    }

    fn partition(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

const fn element(at: usize) -> usize {
    HEADER_BYTES + at * ELEMENT_BYTES
}

fn table_bytes(header: Header) -> usize {
    element(usize::from(header.count))
}

/// Reads the run's bytes that `data` lacks, up to `length`.
fn read_up_to(source: &impl ReadAt, offset: u64, length: usize, data: &mut Vec<u8>) -> Result<()> {
    let have = data.len();
    if length > have {
        data.resize(length, 0);
        source.read_exact_at(&mut data[have..], offset + have as u64)?;
    }
    Ok(())
}

struct Places {
    begin: u64,
    key_bytes: u64,
    value_bytes: u64,
}

/// What element `at` says, in bytes from the page's begin.
fn places(data: &[u8], leaf: bool, at: usize) -> Places {
    let begin = element(at);
    let number = |at: usize| u64::from(u32_at(data, begin + at));
    let (distance, key_bytes, value_bytes) =
        if leaf { (number(4), number(8), number(12)) } else { (number(0), number(4), 0) };
    Places { begin: begin as u64 + distance, key_bytes, value_bytes }
}

/// Checks all elements against the run and tells where the last of their bytes ends.
fn used_bytes(header: Header, data: &[u8], run_bytes: usize) -> Result<usize> {
    let damage = |problem| Error::Page { page: header.id, problem };
    let leaf = match header.kind {
        LEAF => true,
        BRANCH => false,
        _ => return Err(damage("neither branch nor leaf")),
    };
    let table_bytes = table_bytes(header);
    let mut used_bytes = table_bytes as u64;
    for at in 0..usize::from(header.count) {
        let Places { begin, key_bytes, value_bytes } = places(data, leaf, at);
        let end = begin + key_bytes + value_bytes;
        if begin < table_bytes as u64 || end > run_bytes as u64 {
            return Err(damage("an element out of bounds"));
        }
        if key_bytes == 0 {
            return Err(damage("an empty key"));
        }
        if leaf && u32_at(data, element(at)) > BUCKET_FLAG {
            return Err(damage("an element with unknown flags"));
        }
        used_bytes = used_bytes.max(end);
    }
    Ok(used_bytes as usize)
}
