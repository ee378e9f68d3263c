//! Keys, revisions, compaction and watchers.

use super::registrar::{Buckets, Registrar};
use prometheus::{Histogram, IntCounter, IntGauge};

/// Handles of `etcd_mvcc_*` and `etcd_debugging_mvcc_*`.
#[derive(Debug)]
pub struct MvccMetrics {
    /// Puts.
    pub puts: IntCounter,
    /// Range deletions.
    pub deletes: IntCounter,
    /// Ranges read.
    pub ranges: IntCounter,
    /// Transactions.
    pub txns: IntCounter,
    /// Bytes that the data takes on disk.
    pub db_size_bytes: IntGauge,
    /// Bytes of them in use.
    pub db_size_in_use_bytes: IntGauge,
    /// Read views that are open.
    pub open_reads: IntGauge,
    /// Hashing everything, in seconds.
    pub hash: Histogram,
    /// Hashing up to a revision, in seconds.
    pub hash_rev: Histogram,
    /// Current revision.
    pub current_revision: IntGauge,
    /// Revision up to which old versions are gone; -1 when none were ever removed.
    pub compact_revision: IntGauge,
    /// Keys that are alive.
    pub keys: IntGauge,
    /// Bytes put, since the start.
    pub put_bytes: IntGauge,
    /// Events given to watchers.
    pub events: IntCounter,
    /// Events that wait for slow watchers.
    pub pending_events: IntGauge,
    /// Watchers that are behind.
    pub slow_watchers: IntGauge,
    /// Watchers.
    pub watchers: IntGauge,
    /// Watch streams.
    pub watch_streams: IntGauge,
    /// Old versions removed by compaction.
    pub compacted_keys: IntCounter,
    /// Unix time of the last compaction's end, in seconds.
    pub compaction_last: IntGauge,
    /// One batch of a compaction, in milliseconds.
    pub compaction_pause_ms: Histogram,
    /// A whole compaction, in milliseconds.
    pub compaction_total_ms: Histogram,
    /// Sending one response of events, in seconds.
    pub watch_send: Histogram,
    /// The same for each event in it.
    pub watch_send_per_event: Histogram,
    /// Sending a response to a create or cancel, in seconds.
    pub watch_send_control: Histogram,
    /// Sending a progress notice, in seconds.
    pub watch_send_progress: Histogram,
}

impl MvccMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        let hash = Buckets { first: 0.01, count: 15 };
        let send = |name: &str, help| {
            let name = format!("etcd_debugging_server_watch_send_loop_{name}_seconds");
            to.histogram(&name, help, Buckets::MILLISECONDS)
        };
        let pause = |name: &str, help, first, count| {
            let name = format!("etcd_debugging_mvcc_{name}_duration_milliseconds");
            to.histogram(&name, help, Buckets { first, count })
        };
        let compact_revision =
            to.gauge("etcd_debugging_mvcc_compact_revision", "Revision of the last compaction, -1 for none.");
        compact_revision.set(-1);
        MvccMetrics {
            puts: to.counter("etcd_mvcc_put_total", "Puts seen by this member."),
            deletes: to.counter("etcd_mvcc_delete_total", "Range deletions seen by this member."),
            ranges: to.counter("etcd_mvcc_range_total", "Ranges read on this member."),
            txns: to.counter("etcd_mvcc_txn_total", "Transactions seen by this member."),
            db_size_bytes: to.gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes that the data takes on disk."),
            db_size_in_use_bytes: to
                .gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes on disk that are in use."),
            open_reads: to.gauge("etcd_mvcc_db_open_read_transactions", "Read views that are open."),
            hash: to.histogram("etcd_mvcc_hash_duration_seconds", "Time that hashing all took.", hash),
            hash_rev: to.histogram(
                "etcd_mvcc_hash_rev_duration_seconds",
                "Time that hashing up to a revision took.",
                hash,
            ),
            current_revision: to.gauge("etcd_debugging_mvcc_current_revision", "Current revision."),
            compact_revision,
            keys: to.gauge("etcd_debugging_mvcc_keys_total", "Keys that are alive."),
            put_bytes: to.gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes put since the start."),
            events: to.counter("etcd_debugging_mvcc_events_total", "Events given to watchers."),
            pending_events: to
                .gauge("etcd_debugging_mvcc_pending_events_total", "Events that wait for slow watchers."),
            slow_watchers: to.gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that are behind."),
            watchers: to.gauge("etcd_debugging_mvcc_watcher_total", "Watchers."),
            watch_streams: to.gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams."),
            compacted_keys: to
                .counter("etcd_debugging_mvcc_db_compaction_keys_total", "Old versions removed."),
            compaction_last: to.gauge(
                "etcd_debugging_mvcc_db_compaction_last",
                "Unix time in seconds at which the last compaction ended.",
            ),
            compaction_pause_ms: pause(
                "db_compaction_pause",
                "Time that one batch of a compaction took.",
                1.0,
                13,
            ),
            compaction_total_ms: pause("db_compaction_total", "Time that a compaction took.", 100.0, 14),
            watch_send: send("watch_stream_duration", "Time that sending a response of events took."),
            watch_send_per_event: send(
                "watch_stream_duration_per_event",
                "Time that sending a response took, for each event in it.",
            ),
            watch_send_control: send(
                "control_stream_duration",
                "Time that sending the answer to a create or cancel took.",
            ),
            watch_send_progress: send("progress_duration", "Time that sending a progress notice took."),
        }
    }
}
