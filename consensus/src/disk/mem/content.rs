//! The bytes of a file, and which of them a power cut leaves.

use std::collections::BTreeSet;

/// The unit in which a disk writes.
pub(super) const SECTOR_BYTES: usize = 512;

/// What the process sees, what is on the medium, and the sectors in which they may differ.
#[derive(Default)]
pub(super) struct Content {
    pub(super) seen: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) dirty: BTreeSet<usize>,
}

impl Content {
    pub(super) fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
    }

    pub(super) fn resize(&mut self, len: usize) {
        let (low, high) = (self.seen.len().min(len), self.seen.len().max(len));
        self.seen.resize(len, 0);
        self.touch(low, high);
    }

    /// What is found after a power cut: of each sector written since the last sync, the new bytes or the old.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let mut found = std::mem::take(&mut self.durable);
        for sector in std::mem::take(&mut self.dirty) {
            let start = sector * SECTOR_BYTES;
            if start >= self.seen.len() || random.below(2) == 0 {
                continue;
            }
            let end = (start + SECTOR_BYTES).min(self.seen.len());
            found.resize(found.len().max(end), 0);
            found[start..end].copy_from_slice(&self.seen[start..end]);
        }
        self.seen.clone_from(&found);
        self.durable = found;
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(self.seen.len());
            if start < end {
                self.durable[start..end].copy_from_slice(&self.seen[start..end]);
            }
        }
    }
}

/// SplitMix64: small, and good enough to choose sectors.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
