//! What the hub asks of the store: events of the past.

use bytes::Bytes;
use oxetcd_api::{Event, KeyRange};

/// How much of the history one read may return. Both limits are checked between revisions only: a revision is
/// never split, so a read may exceed them by one revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Revisions that hold at least one event of the range.
    pub revisions: usize,
    /// Bytes of keys and encoded records.
    pub size_bytes: usize,
}

/// Why a part of the history cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The first revision asked for is older than this compacted revision, or became so during the read.
    #[error("history is compacted up to revision {0}")]
    Compacted(i64),
    /// The store cannot be read now. The watchers wait and nothing is lost.
    #[error("history cannot be read: {0}")]
    Unavailable(String),
}

/// The committed past of the store, implemented by the server over its store.
///
/// The revisions' methods are called with the hub's lock held: they must be quick (an atomic load) and must
/// not call the hub. The others are called without it and may read from disk.
pub trait History: Send + Sync {
    /// The latest applied revision. It may run ahead of what was published to the hub, never behind.
    fn current_revision(&self) -> i64;

    /// The revision of the latest compaction: events from this very revision on can be read, older ones
    /// cannot. 0 or less before the first compaction.
    fn compacted_revision(&self) -> i64;

    /// Hands the events of `range` with `from_rev <= revision <= to_rev` to `visit`, in order of revision,
    /// and returns the first revision that it has not looked at: `to_rev + 1` when all were read. It may stop
    /// early at any boundary between two revisions, and must where `limit` is reached, but always looks at
    /// one revision at least. Events outside of `range` may come along; the hub drops them.
    ///
    /// # Errors
    /// [`HistoryError::Compacted`] when `from_rev` is less than the compacted revision *after* the read: what
    /// was visited before is then thrown away. [`HistoryError::Unavailable`] when reading fails.
    fn events(
        &self,
        range: &KeyRange,
        from_rev: i64,
        to_rev: i64,
        limit: ReadLimit,
        visit: &mut dyn FnMut(Event),
    ) -> Result<i64, HistoryError>;

    /// The encoded `KeyValue` that `key` had just before revision `mod_rev`. `None` when it had none or when
    /// it is compacted.
    fn previous(&self, key: &[u8], mod_rev: i64) -> Option<Bytes>;
}
