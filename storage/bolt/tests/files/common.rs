//! What the tests share: an encoder of pages written from the format's description alone, models of a file's
//! content, and a source that counts.

use oxetcd_storage_bolt::{Plan, ReadAt, Reader, Writer};
use proptest::prelude::*;
use std::{cell::Cell, collections::BTreeMap, io, ops::ControlFlow};

pub(crate) const BRANCH: u16 = 1;
pub(crate) const LEAF: u16 = 2;
pub(crate) const FREE_LIST: u16 = 16;
pub(crate) const PAGE: usize = 4096;

/// One bucket's records.
pub(crate) type Records = BTreeMap<Vec<u8>, Vec<u8>>;
/// A file's content.
pub(crate) type Buckets = BTreeMap<Vec<u8>, Records>;

/// Element of a leaf: whether it is a bucket, key, value.
pub(crate) type Entry<'a> = (bool, &'a [u8], &'a [u8]);

fn header(id: u64, kind: u16, count: usize, overflow: u32) -> Vec<u8> {
    let mut out = id.to_le_bytes().to_vec();
    out.extend(kind.to_le_bytes());
    out.extend((count as u16).to_le_bytes());
    out.extend(overflow.to_le_bytes());
    out
}

/// A leaf without padding.
pub(crate) fn leaf(id: u64, overflow: u32, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = header(id, LEAF, entries.len(), overflow);
    let mut place = 16 + 16 * entries.len();
    for (at, (is_bucket, key, value)) in entries.iter().enumerate() {
        for number in [usize::from(*is_bucket), place - (16 + 16 * at), key.len(), value.len()] {
            out.extend((number as u32).to_le_bytes());
        }
        place += key.len() + value.len();
    }
    entries.iter().for_each(|(_, key, value)| out.extend([*key, *value].concat()));
    out
}

/// A branch without padding.
pub(crate) fn branch(id: u64, children: &[(&[u8], u64)]) -> Vec<u8> {
    let mut out = header(id, BRANCH, children.len(), 0);
    let mut place = 16 + 16 * children.len();
    for (at, (key, child)) in children.iter().enumerate() {
        out.extend(((place - (16 + 16 * at)) as u32).to_le_bytes());
        out.extend((key.len() as u32).to_le_bytes());
        out.extend(child.to_le_bytes());
        place += key.len();
    }
    children.iter().for_each(|(key, _)| out.extend(*key));
    out
}

/// A list of free pages; `count` may lie.
pub(crate) fn free_list(id: u64, count: u16, ids: &[u64]) -> Vec<u8> {
    let mut out = header(id, FREE_LIST, usize::from(count), 0);
    ids.iter().for_each(|id| out.extend(id.to_le_bytes()));
    out
}

/// A bucket's entry: its root page, or 0 and an inline leaf.
pub(crate) fn bucket(root: u64, inline: &[u8]) -> Vec<u8> {
    [&root.to_le_bytes(), &[0; 8][..], inline].concat()
}

/// A meta page.
pub(crate) fn meta(id: u64, root: u64, free_list: u64, high_water: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for number in [0xED0C_DAEDu32, 2, PAGE as u32, 0] {
        meta.extend(number.to_le_bytes());
    }
    for number in [root, 0, free_list, high_water, transaction] {
        meta.extend(number.to_le_bytes());
    }
    let sum = meta.iter().fold(14_695_981_039_346_656_037u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
    });
    [header(id, 4, 0, 0), meta, sum.to_le_bytes().to_vec()].concat()
}

/// Puts pages one behind the other, each at the next whole page.
pub(crate) fn file(pages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for page in pages {
        out.extend(page);
        out.resize(out.len().next_multiple_of(PAGE), 0);
    }
    out
}

/// A file whose root bucket is at page 2, with these pages from there on.
pub(crate) fn file_with(pages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let pages = file(pages);
    let high_water = 2 + (pages.len() / PAGE) as u64;
    let metas = (0..2).map(|id| meta(id, 2, u64::MAX, high_water, 8 - id));
    [file(metas), pages].concat()
}

/// A file with one bucket, `b`, whose tree begins at page 3.
pub(crate) fn file_of_tree(pages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let root = leaf(2, 0, &[(true, b"b", &bucket(3, b""))]);
    file_with([root].into_iter().chain(pages))
}

/// Writes a file in two passes.
pub(crate) fn written(buckets: &Buckets) -> Vec<u8> {
    let mut plan = Plan::new();
    for (name, records) in buckets {
        plan.bucket(name).unwrap();
        records.iter().for_each(|(key, value)| plan.put(key, value).unwrap());
    }
    let layout = plan.finish().unwrap();
    let mut writer = Writer::new(Vec::new(), layout).unwrap();
    for (name, records) in buckets {
        writer.bucket(name).unwrap();
        records.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
    }
    let file = writer.finish().unwrap();
    assert_eq!(file.len() as u64, layout.bytes());
    file
}

/// Records of a bucket from `from` on.
pub(crate) fn records_from<S: ReadAt>(reader: &Reader<S>, bucket: &[u8], from: &[u8]) -> Records {
    let mut records = Records::new();
    let visit = |key: &[u8], value: &[u8]| {
        assert!(records.last_key_value().is_none_or(|(last, _)| last.as_slice() < key), "keys ascend");
        records.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    reader.scan(bucket, from, visit).unwrap();
    records
}

/// All that a file holds.
pub(crate) fn content<S: ReadAt>(reader: &Reader<S>) -> Buckets {
    let names = reader.buckets().unwrap();
    assert!(names.is_sorted());
    names.into_iter().map(|name| (name.clone(), records_from(reader, &name, b""))).collect()
}

/// A file that may be read only so often: who reads on and on fails instead of hanging.
pub(crate) struct Counted {
    pub(crate) file: Vec<u8>,
    /// Reads that are left.
    pub(crate) reads: Cell<u64>,
}

impl ReadAt for Counted {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let left = self.reads.get().checked_sub(1);
        self.reads.set(left.expect("some page is read again and again"));
        self.file.read_exact_at(buffer, offset)
    }

    fn total_bytes(&self) -> io::Result<u64> {
        Ok(self.file.len() as u64)
    }
}

/// Bytes that differ for every seed, of any length.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut block = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        out.extend(block.to_be_bytes());
        block = block.rotate_left(7).wrapping_add(1);
    }
    out.truncate(length);
    out
}

fn record() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let key_bytes = prop_oneof![8 => 1..30usize, 4 => Just(17), 1 => 30..2000usize];
    let value_bytes = prop_oneof![2 => Just(0), 10 => 0..300usize, 3 => 0..3000usize, 1 => 0..20_000usize];
    (any::<u64>(), key_bytes, value_bytes)
        .prop_map(|(seed, key, value)| (bytes(seed, key), bytes(seed ^ 1, value)))
}

/// A few buckets, empty ones and large ones among them.
pub(crate) fn buckets() -> impl Strategy<Value = Buckets> {
    let small =
        prop::collection::btree_map(any::<Vec<u8>>(), prop::collection::vec(any::<u8>(), 0..20), 0..6)
            .prop_map(|mut records| {
                records.remove(&b""[..]);
                records
            });
    let large =
        prop::collection::vec(record(), 0..300).prop_map(|records| records.into_iter().collect::<Records>());
    let name = prop::collection::vec(any::<u8>(), 1..20);
    prop::collection::btree_map(name, prop_oneof![2 => small, 1 => large], 0..7)
}
