//! What this crate needs of a store.

use futures::{future::BoxFuture, stream::BoxStream};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{RangeRequest, RangeResponse, TxnRequest, TxnResponse, WatchCreateRequest, WatchResponse},
};
use std::time::Instant;

/// A store of keys that can be compared, changed and watched. Cheap to clone.
pub trait Kv: Clone + Send + Sync + 'static {
    /// What can go wrong with a call.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads a range of keys.
    fn range(&self, request: RangeRequest) -> BoxFuture<'static, Result<RangeResponse, Self::Error>>;

    /// Compares, and does one of two lists of operations, as one change. Never done twice by itself.
    fn txn(&self, request: TxnRequest) -> BoxFuture<'static, Result<TxnResponse, Self::Error>>;

    /// The changes of a range, each once and in order, whatever happens to connections in between. An answer with a
    /// compacted revision, or an error, is the last item. Dropping the stream ends the watch.
    fn watch(&self, request: WatchCreateRequest) -> BoxStream<'static, Result<WatchResponse, Self::Error>>;

    /// Runs something to its end that nobody waits for: taking back the key of a waiter that was dropped.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

/// A store whose leases can be made, renewed and ended from here.
pub trait Leases: Kv {
    /// Makes a lease of this many seconds.
    fn grant(&self, ttl_s: i64) -> BoxFuture<'static, Result<LeaseId, Self::Error>>;

    /// Renews a lease for as long as the stream is kept. One item for each confirmed renewal; the stream ends when the
    /// lease has ended or could not be renewed in its time.
    fn keep_alive(&self, lease: LeaseId) -> BoxStream<'static, Renewal>;

    /// Ends a lease, and with it the keys attached to it.
    fn revoke(&self, lease: LeaseId) -> BoxFuture<'static, Result<(), Self::Error>>;
}

/// A confirmed renewal of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Until when the lease lives at least, counted from before the renewal was *asked* for: the store counts from
    /// some moment after that.
    pub valid_until: Instant,
}
