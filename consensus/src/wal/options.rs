//! Settings of a log.

/// Settings of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalOptions {
    /// A segment is closed once it has reached this many bytes; new ones are preallocated to it.
    pub segment_bytes: u64,
    /// Whether to wait for the medium. `false` trades the last writes of a power cut for speed
    /// (`--unsafe-no-fsync`).
    pub fsync: bool,
}

impl Default for WalOptions {
    /// 64,000,000-byte segments, with fsync.
    fn default() -> WalOptions {
        WalOptions { segment_bytes: 64_000_000, fsync: true }
    }
}
