//! Sizes and encodings that reader and writer share: pages, elements, bucket headers.

/// Longest key that bbolt accepts.
pub const MAX_KEY_BYTES: usize = 32_768;
/// Longest value that bbolt accepts.
pub const MAX_VALUE_BYTES: usize = (1 << 31) - 2;
/// Length of the checksum (SHA-256 of all that precedes it) that ends a snapshot saved by etcdctl.
pub const TRAILER_BYTES: u64 = 32;

/// Whether a file of this length ends with a checksum: the pages before it fill whole disk sectors.
pub fn has_trailer(file_bytes: u64) -> bool {
    file_bytes % 512 == TRAILER_BYTES
}

/// Page size of the files written here.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Page sizes that the reader accepts: bbolt takes the operating system's, and searches this range itself.
pub(crate) const PAGE_SIZES: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 24;
/// Length of a page's header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Length of an element, of a branch or of a leaf.
pub(crate) const ELEMENT_BYTES: usize = 16;
/// Length of a bucket's header: root page id and sequence number.
pub(crate) const BUCKET_BYTES: usize = 16;
/// Largest inline leaf, as bbolt has it: a quarter of a page.
pub(crate) const MAX_INLINE_BYTES: usize = PAGE_BYTES / 4;
/// Flag of a leaf element that is a bucket.
pub(crate) const BUCKET_FLAG: u32 = 1;

pub(crate) const BRANCH: u16 = 0x01;
pub(crate) const LEAF: u16 = 0x02;
pub(crate) const META: u16 = 0x04;
pub(crate) const FREE_LIST: u16 = 0x10;

/// The first bytes of every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u64,
    pub(crate) kind: u16,
    pub(crate) count: u16,
    pub(crate) overflow: u32,
}

impl Header {
    /// Reads the header of `page`, which has at least [`HEADER_BYTES`].
    pub(crate) fn decode(page: &[u8]) -> Header {
        Header {
            id: u64_at(page, 0),
            kind: u16::from_le_bytes([page[8], page[9]]),
            count: u16::from_le_bytes([page[10], page[11]]),
            overflow: u32_at(page, 12),
        }
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.overflow.to_le_bytes());
    }
}

/// The number at `at`; the caller has checked that it is there.
pub(crate) fn u32_at(data: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&data[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// The number at `at`; the caller has checked that it is there.
pub(crate) fn u64_at(data: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&data[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// FNV-1a with 64 bits: the checksum of meta pages.
pub(crate) fn fnv1a(data: &[u8]) -> u64 {
    data.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
