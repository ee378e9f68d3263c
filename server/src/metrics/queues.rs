//! Where work waits, and what was turned away: this program's own metrics, which etcd does not have.
//!
//! A member under load is a chain of queues: requests wait for the log, entries for their application, changes
//! for the engine, events for the connections of watchers. Which of them is long says which part is slow.

use super::registrar::{Buckets, Registrar};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// Handles of `oxetcd_*`.
#[derive(Debug)]
pub struct QueueMetrics {
    /// Events that wait to be taken up by the raft loop.
    pub raft_inbox: IntGauge,
    /// Entries that went into the log in one append: how well writes share a sync.
    pub append_entries: Histogram,
    /// Entries that are committed and not applied yet.
    pub apply_backlog: IntGauge,
    /// Times that applying waited for the engine.
    pub apply_held_back: IntCounter,
    /// Changes that the engine has not got yet.
    pub engine_pending_ops: IntGauge,
    /// Bytes of these.
    pub engine_pending_bytes: IntGauge,
    /// Events that a watcher's connection took, or that ended with it.
    pub watch_events_taken: IntCounter,
    /// Leases that live.
    pub leases: IntGauge,
    /// Reads of TLS files that had changed.
    pub tls_reloads: IntCounter,
    /// The same, when they could not be used.
    pub tls_reload_failures: IntCounter,
    /// Reads of JWT keys that had changed.
    pub jwt_key_reloads: IntCounter,
    /// The same, when they could not be used.
    pub jwt_key_reload_failures: IntCounter,
    engine: IntGaugeVec,
    refused: IntCounterVec,
}

/// Why a request was turned away before it came to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too much waits to be applied.
    Backlog,
    /// It was too large.
    Size,
    /// There is no space left by the quota.
    Quota,
}

impl QueueMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        let metrics = QueueMetrics {
            raft_inbox: to.gauge("oxetcd_raft_inbox_length", "Events that wait for the raft loop."),
            append_entries: to.histogram(
                "oxetcd_wal_append_entries",
                "Entries that went into the log in one append.",
                Buckets { first: 1.0, count: 13 },
            ),
            apply_backlog: to
                .gauge("oxetcd_apply_backlog_entries", "Entries that are committed and not applied yet."),
            apply_held_back: to
                .counter("oxetcd_apply_held_back_total", "Times that applying waited for the engine."),
            engine_pending_ops: to.gauge(
                "oxetcd_engine_pending_operations",
                "Changes that are applied and not in the engine yet.",
            ),
            engine_pending_bytes: to.gauge("oxetcd_engine_pending_bytes", "Bytes of these changes."),
            watch_events_taken: to.counter(
                "oxetcd_watch_events_taken_total",
                "Events that a watcher's connection took, or that ended with it.",
            ),
            leases: to.gauge("oxetcd_leases", "Leases that live."),
            tls_reloads: to.counter("oxetcd_tls_reloads_total", "Changed TLS files that were read."),
            tls_reload_failures: to
                .counter("oxetcd_tls_reload_failures_total", "Changed TLS files that could not be used."),
            jwt_key_reloads: to.counter("oxetcd_jwt_key_reloads_total", "Changed JWT keys that were read."),
            jwt_key_reload_failures: to
                .counter("oxetcd_jwt_key_reload_failures_total", "Changed JWT keys that could not be used."),
            engine: to.gauges("oxetcd_engine_info", "1, with the storage engine in the label.", &["engine"]),
            refused: to.counters(
                "oxetcd_requests_refused_total",
                "Requests turned away before they came to the log, by reason.",
                &["reason"],
            ),
        };
        for why in [Refused::Backlog, Refused::Size, Refused::Quota] {
            metrics.refused.with_label_values(&[why.label()]);
        }
        metrics
    }

    /// Says which engine this member uses.
    pub fn identify_engine(&self, name: &str) {
        self.engine.with_label_values(&[name]).set(1);
    }

    /// A request was turned away.
    pub fn refuse(&self, why: Refused) {
        self.refused.with_label_values(&[why.label()]).inc();
    }
}

impl Refused {
    const fn label(self) -> &'static str {
        match self {
            Refused::Backlog => "backlog",
            Refused::Size => "size",
            Refused::Quota => "quota",
        }
    }
}
