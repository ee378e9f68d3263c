//! Meta pages: where the tree begins and where the used pages end.
//!
//! bbolt commits by writing one of two meta pages, in turn, after the pages that it points to. So at any moment
//! at least one is whole, and the valid one with the higher transaction id tells the newest state.

use crate::{
    Error, ReadAt, Result,
    format::{HEADER_BYTES, Header, META, PAGE_SIZES, fnv1a, u32_at, u64_at},
};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// Stands for the free list's page id in files that store none.
const NO_FREE_LIST: u64 = u64::MAX;
/// Length of a meta with its checksum.
const META_BYTES: usize = 64;
const SUMMED_BYTES: usize = META_BYTES - 8;

/// A meta page's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) page_bytes: u64,
    /// Root page of the tree of buckets.
    pub(crate) root: u64,
    pub(crate) free_list: Option<u64>,
    /// Id of the first page that was never used.
    pub(crate) high_water: u64,
    pub(crate) transaction: u64,
}

impl Meta {
    /// Picks the newest valid meta of a file.
    pub(crate) fn newest(source: &impl ReadAt) -> Result<Meta> {
        let file_bytes = source.total_bytes()?;
        let first = read(source, file_bytes, 0)?;
        let second = match &first {
            Ok(first) => read(source, file_bytes, first.page_bytes)?.ok(),
            // The first cannot tell the page size: look for the second wherever it may be.
            Err(_) => find_second(source, file_bytes)?,
        };
        let meta = match (first, second) {
            (Ok(first), Some(second)) if second.transaction > first.transaction => second,
            (Ok(first), _) => first,
            (Err(_), Some(second)) => second,
            (Err(problem), None) => return Err(problem),
        };
        meta.validate(file_bytes)
    }

    fn validate(self, file_bytes: u64) -> Result<Meta> {
        let in_use = 2..self.high_water;
        if !in_use.contains(&self.root) {
            return Err(Error::Meta("its root out of bounds"));
        }
        if self.free_list.is_some_and(|page| !in_use.contains(&page)) {
            return Err(Error::Meta("its free list out of bounds"));
        }
        let need_bytes = self.high_water.checked_mul(self.page_bytes);
        let need_bytes = need_bytes.ok_or(Error::Meta("an impossible number of pages"))?;
        if need_bytes > file_bytes {
            return Err(Error::Truncated { have_bytes: file_bytes, need_bytes });
        }
        Ok(self)
    }

    fn decode(page: &[u8; HEADER_BYTES + META_BYTES]) -> Result<Meta> {
        let meta = &page[HEADER_BYTES..];
        if u32_at(meta, 0) != MAGIC {
            return Err(Error::NotBolt);
        }
        if u32_at(meta, 4) != VERSION {
            return Err(Error::Version(u32_at(meta, 4)));
        }
        if u64_at(meta, SUMMED_BYTES) != fnv1a(&meta[..SUMMED_BYTES]) {
            return Err(Error::Checksum);
        }
        let page_bytes = u64::from(u32_at(meta, 8));
        if !PAGE_SIZES.contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Err(Error::Meta("an impossible page size"));
        }
        let free_list = u64_at(meta, 32);
        Ok(Meta {
            page_bytes,
            root: u64_at(meta, 16),
            free_list: (free_list != NO_FREE_LIST).then_some(free_list),
            high_water: u64_at(meta, 40),
            transaction: u64_at(meta, 48),
        })
    }

    /// Appends the meta page `id` to `out`.
    pub(crate) fn encode(&self, id: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        Header { id, kind: META, count: 0, overflow: 0 }.encode(out);
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Page size and unused flags: the size is at most 2^24.
        out.extend_from_slice(&self.page_bytes.to_le_bytes());
        out.extend_from_slice(&self.root.to_le_bytes());
        out.extend_from_slice(&0u64.to_le_bytes());
        out.extend_from_slice(&self.free_list.unwrap_or(NO_FREE_LIST).to_le_bytes());
        out.extend_from_slice(&self.high_water.to_le_bytes());
        out.extend_from_slice(&self.transaction.to_le_bytes());
        let sum = fnv1a(&out[begin + HEADER_BYTES..]);
        out.extend_from_slice(&sum.to_le_bytes());
        out.resize(begin + self.page_bytes as usize, 0);
    }
}

/// Reads the meta at `offset`. The outer error is the device's, the inner one the meta's.
fn read(source: &impl ReadAt, file_bytes: u64, offset: u64) -> Result<Result<Meta>> {
    let mut page = [0; HEADER_BYTES + META_BYTES];
    if file_bytes < offset + page.len() as u64 {
        return Ok(Err(Error::NotBolt));
    }
    source.read_exact_at(&mut page, offset)?;
    Ok(Meta::decode(&page))
}

fn find_second(source: &impl ReadAt, file_bytes: u64) -> Result<Option<Meta>> {
    let mut offset = *PAGE_SIZES.start();
    while offset <= *PAGE_SIZES.end() {
        if let Ok(meta) = read(source, file_bytes, offset)? {
            // A copy of a meta may lie in a value: the real one lies where its page size says.
            if meta.page_bytes == offset {
                return Ok(Some(meta));
            }
        }
        offset *= 2;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const META_OF_4_PAGES: Meta =
        Meta { page_bytes: 1024, root: 3, free_list: None, high_water: 4, transaction: 7 };

    fn file(metas: [Meta; 2]) -> Vec<u8> {
        let mut file = Vec::new();
        for (id, meta) in metas.iter().enumerate() {
            meta.encode(id as u64, &mut file);
        }
        file.resize(4096, 0);
        file
    }

    #[test]
    fn the_newest_valid_meta_counts() {
        let old = Meta { transaction: 6, root: 2, ..META_OF_4_PAGES };
        for metas in [[old, META_OF_4_PAGES], [META_OF_4_PAGES, old]] {
            assert_eq!(Meta::newest(&file(metas)).unwrap(), META_OF_4_PAGES);
            let newest = metas.iter().position(|meta| *meta == META_OF_4_PAGES).unwrap();
            let mut torn = file(metas);
            torn[newest * 1024 + 16 + 50] ^= 1;
            assert_eq!(Meta::newest(&torn).unwrap(), old);
            torn[(1 - newest) * 1024 + 16 + 50] ^= 1;
            assert!(matches!(Meta::newest(&torn), Err(Error::Checksum)));
        }
    }

    #[test]
    fn a_copy_of_a_meta_in_a_value_is_none() {
        let mut file = file([META_OF_4_PAGES, META_OF_4_PAGES]);
        file.copy_within(..1024, 2048);
        file[20] ^= 1;
        assert_eq!(Meta::newest(&file).unwrap(), META_OF_4_PAGES);
        file[1024 + 20] ^= 1;
        assert!(Meta::newest(&file).is_err());
    }

    #[test]
    fn impossible_metas_are_refused() {
        let check = |meta: Meta| Meta::newest(&file([meta, meta])).unwrap_err().to_string();
        assert!(check(Meta { root: 4, ..META_OF_4_PAGES }).contains("root out of bounds"));
        assert!(check(Meta { root: 1, ..META_OF_4_PAGES }).contains("root out of bounds"));
        assert!(check(Meta { free_list: Some(9), ..META_OF_4_PAGES }).contains("free list out of bounds"));
        assert!(check(Meta { high_water: 5, ..META_OF_4_PAGES }).contains("truncated: 4096 bytes of 5120"));
        assert!(check(Meta { high_water: 1 << 60, ..META_OF_4_PAGES }).contains("impossible number"));
        assert!(matches!(Meta::newest(&vec![0u8; 4096]), Err(Error::NotBolt)));
        assert!(matches!(Meta::newest(&Vec::new()), Err(Error::NotBolt)));
    }
}
