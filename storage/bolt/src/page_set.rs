//! A set of page ids: bits, in blocks that exist only where pages were met.
//!
//! A damaged meta page may claim any number of pages; memory must follow what was really found.

use std::collections::HashMap;

const BLOCK_WORDS: usize = 64;
const BLOCK_BITS: u64 = BLOCK_WORDS as u64 * 64;

#[derive(Debug, Default)]
pub(crate) struct PageSet {
    blocks: HashMap<u64, Box<[u64; BLOCK_WORDS]>>,
    count: u64,
}

impl PageSet {
    /// Adds `page`; `false` when it was there already.
    pub(crate) fn insert(&mut self, page: u64) -> bool {
        let block = self.blocks.entry(page / BLOCK_BITS).or_insert_with(|| Box::new([0; BLOCK_WORDS]));
        let word = &mut block[(page % BLOCK_BITS / 64) as usize];
        let bit = 1 << (page % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Number of pages in the set.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_a_set() {
        let mut model = BTreeSet::new();
        let mut set = PageSet::default();
        for page in [0, 1, 63, 64, 4095, 4096, 1, 1 << 40, u64::MAX, 64, u64::MAX - 1, 1 << 40] {
            assert_eq!(set.insert(page), model.insert(page), "{page}");
            assert_eq!(set.count(), model.len() as u64);
        }
    }
}
