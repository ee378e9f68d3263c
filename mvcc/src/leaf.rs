//! A leaf of the index tree: some tens of neighbouring keys with their histories, as four flat arrays.
//!
//! Neighbours in key order mostly begin alike, so a leaf keeps their common prefix once. Of what follows it,
//! the first eight bytes stand in an array of their own, as numbers: a search runs over these, in a few cache
//! lines, and looks at whole keys only where they are equal. The leaf also knows how many of its keys are
//! live and when it last changed, so that counting mostly need not look inside.

use crate::{
    history::{History, Place},
    log::Garbage,
};

/// Keys of a full leaf.
pub(crate) const LEAF_KEYS: usize = 128;
/// A leaf with more bytes of keys than this is full too.
const LEAF_BYTES: usize = 1 << 24;
/// Room is added for so many keys at once: growing by halves would leave a third of the index empty.
const GROWTH_KEYS: usize = 16;

/// A key in two parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRef<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) suffix: &'a [u8],
}

impl<'a> From<&'a [u8]> for KeyRef<'a> {
    fn from(key: &'a [u8]) -> Self {
        KeyRef { prefix: &[], suffix: key }
    }
}

impl KeyRef<'_> {
    pub(crate) fn len(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        [self.prefix, self.suffix].concat()
    }
}

/// Keys in order, with their histories.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    prefix: Box<[u8]>,
    /// First bytes of each suffix, big-endian, filled up with zeros.
    heads: Vec<u64>,
    /// Where each suffix ends in `suffixes`.
    ends: Vec<u32>,
    suffixes: Vec<u8>,
    histories: Vec<History>,
    /// No change in here is of a later revision.
    newest: i64,
    live: u32,
}

fn head(suffix: &[u8]) -> u64 {
    if let Some(first) = suffix.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut bytes = [0; 8];
    bytes[..suffix.len()].copy_from_slice(suffix);
    u64::from_be_bytes(bytes)
}

fn common_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The shortest key that is above `left` and not above `right`.
fn separator(left: &[u8], right: &[u8]) -> Vec<u8> {
    right[..right.len().min(common_len(left, right) + 1)].to_vec()
}

/// Makes room as described at [`GROWTH_KEYS`].
fn grow<T>(vec: &mut Vec<T>, room: usize) {
    if vec.capacity() == vec.len() {
        vec.reserve_exact(room);
    }
}

impl Leaf {
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= LEAF_KEYS || self.suffixes.len() > LEAF_BYTES && self.len() > 1
    }

    /// Number of live keys.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// As of this revision and later, [`Leaf::live`] keys are live.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }

    pub(crate) fn key(&self, at: usize) -> KeyRef<'_> {
        KeyRef { prefix: &self.prefix, suffix: self.suffix(at) }
    }

    pub(crate) fn history(&self, at: usize) -> &History {
        &self.histories[at]
    }

    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1] as usize }
    }

    fn suffix(&self, at: usize) -> &[u8] {
        &self.suffixes[self.start(at)..self.ends[at] as usize]
    }

    /// The place of `key`, or where it would be.
    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let Some(suffix) = key.strip_prefix(&*self.prefix) else {
            return Err(if *key < *self.prefix { 0 } else { self.len() });
        };
        let head = head(suffix);
        let first = self.heads.partition_point(|other| *other < head);
        let same = self.heads[first..].iter().take_while(|other| **other == head).count();
        let (mut low, mut high) = (first, first + same);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.suffix(middle).cmp(suffix) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Number of keys below `key`.
    pub(crate) fn count_below(&self, key: &[u8]) -> usize {
        self.search(key).unwrap_or_else(|at| at)
    }

    /// Adds a key that is not there, at its place.
    pub(crate) fn insert(&mut self, at: usize, key: &[u8], history: History) {
        if self.len() == 0 {
            self.prefix = key.into();
        } else if !key.starts_with(&self.prefix) {
            self.set_prefix(common_len(&self.prefix, key));
        }
        let suffix = &key[self.prefix.len()..];
        self.live += u32::from(history.newest().is_some());
        self.newest = self.newest.max(history.modified().main);
        let start = self.start(at);
        grow(&mut self.heads, GROWTH_KEYS);
        grow(&mut self.ends, GROWTH_KEYS);
        grow(&mut self.histories, GROWTH_KEYS);
        if self.suffixes.capacity() - self.suffixes.len() < suffix.len() {
            self.suffixes.reserve_exact(suffix.len().max(self.suffixes.len() / 8));
        }
        self.heads.insert(at, head(suffix));
        self.ends.insert(at, start as u32);
        self.histories.insert(at, history);
        self.ends[at..].iter_mut().for_each(|end| *end += suffix.len() as u32);
        let tail_len = self.suffixes.len() - start;
        self.suffixes.extend_from_slice(suffix);
        self.suffixes[start..].rotate_left(tail_len);
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, at: usize) {
        let suffix = self.start(at)..self.ends[at] as usize;
        self.live -= u32::from(self.histories[at].newest().is_some());
        self.ends[at..].iter_mut().for_each(|end| *end -= suffix.len() as u32);
        self.suffixes.drain(suffix);
        self.heads.remove(at);
        self.ends.remove(at);
        self.histories.remove(at);
        if self.histories.capacity() > 2 * (self.len() + GROWTH_KEYS) {
            self.shrink();
        }
    }

    /// Gives unused room back.
    pub(crate) fn shrink(&mut self) {
        self.heads.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.histories.shrink_to_fit();
        self.suffixes.shrink_to_fit();
    }

    /// Splits a full leaf in two; `key` is what is to be added. Returns the right one and its lower bound. Keys
    /// that come in ascending order leave full leaves behind.
    pub(crate) fn split(&mut self, key: &[u8]) -> (Vec<u8>, Leaf) {
        let last = self.key(self.len() - 1).to_vec();
        if *last < *key {
            return (separator(&last, key), Leaf::default());
        }
        let middle = self.len() / 2;
        let bound = separator(&self.key(middle - 1).to_vec(), &self.key(middle).to_vec());
        let cut = self.start(middle);
        let mut right = Leaf {
            prefix: self.prefix.clone(),
            heads: self.heads.split_off(middle),
            ends: self.ends.split_off(middle),
            suffixes: self.suffixes.split_off(cut),
            histories: self.histories.split_off(middle),
            newest: self.newest,
            live: 0,
        };
        right.ends.iter_mut().for_each(|end| *end -= cut as u32);
        right.live = right.histories.iter().filter(|history| history.newest().is_some()).count() as u32;
        self.live -= right.live;
        self.lengthen_prefix();
        right.lengthen_prefix();
        (bound, right)
    }

    /// Adds all of the next leaf.
    pub(crate) fn append(&mut self, mut next: Leaf) {
        for (at, history) in std::mem::take(&mut next.histories).into_iter().enumerate() {
            self.insert(self.len(), &next.key(at).to_vec(), history);
        }
    }

    /// Moves what all suffixes begin with into the prefix.
    fn lengthen_prefix(&mut self) {
        let common = common_len(self.suffix(0), self.suffix(self.len() - 1));
        if common > 0 {
            self.set_prefix(self.prefix.len() + common);
        }
        self.shrink();
    }

    /// Cuts the keys anew, `len` bytes from their start, which all have in common.
    fn set_prefix(&mut self, len: usize) {
        let whole = self.key(0).to_vec();
        let more = self.prefix.get(len..).unwrap_or_default();
        let less = len.saturating_sub(self.prefix.len());
        let mut suffixes = Vec::with_capacity(self.suffixes.len() + self.len() * more.len());
        let mut ends = Vec::with_capacity(self.ends.capacity());
        for at in 0..self.len() {
            let start = suffixes.len();
            suffixes.extend_from_slice(more);
            suffixes.extend_from_slice(&self.suffix(at)[less..]);
            ends.push(suffixes.len() as u32);
            self.heads[at] = head(&suffixes[start..]);
        }
        (self.suffixes, self.ends) = (suffixes, ends);
        self.prefix = whole[..len].into();
    }

    /// Adds a put; returns the version before, and the new one.
    pub(crate) fn put(&mut self, at: usize, main: i64, sub: u32, leased: bool) -> (Option<Place>, Place) {
        let before = self.histories[at].newest();
        let place = self.histories[at].put(main, sub, leased);
        self.live += u32::from(before.is_none());
        self.newest = self.newest.max(main);
        (before, place)
    }

    /// Adds a tombstone if the key is live; returns the version before.
    pub(crate) fn delete(&mut self, at: usize, main: i64, sub: u32) -> Option<Place> {
        let before = self.histories[at].newest()?;
        self.histories[at].delete(main, sub);
        self.live -= 1;
        self.newest = self.newest.max(main);
        Some(before)
    }

    /// Forgets what a compaction at `main` removes; `false` when nothing is left.
    pub(crate) fn compact(&mut self, at: usize, main: i64, garbage: &mut Garbage) -> bool {
        self.histories[at].compact(main, garbage)
    }
}
