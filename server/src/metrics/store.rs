//! The v2 key tree.

use super::registrar::Registrar;
use prometheus::{IntCounter, IntCounterVec, IntGauge};

/// Handles of `etcd_debugging_store_*`. The label of reads and writes is the action: `get`, `set`, `create` ...
#[derive(Debug)]
pub struct StoreMetrics {
    /// Reads that succeeded.
    pub reads: IntCounterVec,
    /// Reads that failed.
    pub reads_failed: IntCounterVec,
    /// Writes that succeeded.
    pub writes: IntCounterVec,
    /// Writes that failed.
    pub writes_failed: IntCounterVec,
    /// Keys whose time was over.
    pub expires: IntCounter,
    /// Watches asked for.
    pub watch_requests: IntCounter,
    /// Watchers.
    pub watchers: IntGauge,
}

impl StoreMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        let by_action = |name, help| to.counters(name, help, &["action"]);
        StoreMetrics {
            reads: by_action("etcd_debugging_store_reads_total", "Reads of v2 keys by this member."),
            reads_failed: by_action("etcd_debugging_store_reads_failed_total", "Failed reads of v2 keys."),
            writes: by_action("etcd_debugging_store_writes_total", "Writes of v2 keys seen."),
            writes_failed: by_action("etcd_debugging_store_writes_failed_total", "Failed writes of v2 keys."),
            expires: to.counter("etcd_debugging_store_expires_total", "v2 keys whose time was over."),
            watch_requests: to.counter("etcd_debugging_store_watch_requests_total", "v2 watches asked for."),
            watchers: to.gauge("etcd_debugging_store_watchers", "v2 watchers."),
        }
    }
}
