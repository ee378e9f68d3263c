//! The log, the engine and snapshot files.

use super::registrar::{Buckets, Registrar};
use prometheus::{Histogram, IntGauge};

/// Handles of `etcd_disk_*` and `etcd_snap_*`. Times are in seconds.
#[derive(Debug)]
pub struct DiskMetrics {
    /// Syncing the log.
    pub wal_fsync: Histogram,
    /// Writing to the log, without the sync.
    pub wal_write: Histogram,
    /// Bytes written to the log.
    pub wal_write_bytes: IntGauge,
    /// Committing a write batch to the engine.
    pub backend_commit: Histogram,
    /// Making a snapshot of the engine.
    pub backend_snapshot: Histogram,
    /// Defragmenting the engine.
    pub backend_defrag: Histogram,
    /// 1 while the engine is being defragmented.
    pub defrag_inflight: IntGauge,
    /// Syncing a snapshot file.
    pub snap_fsync: Histogram,
    /// Writing a snapshot file.
    pub snap_save: Histogram,
    /// Syncing a received database.
    pub snap_db_fsync: Histogram,
    /// Receiving a database.
    pub snap_db_save: Histogram,
}

impl DiskMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        let ms = |name, help| to.histogram(name, help, Buckets::MILLISECONDS);
        DiskMetrics {
            wal_fsync: ms("etcd_disk_wal_fsync_duration_seconds", "Time that syncing the log took."),
            wal_write: ms("etcd_disk_wal_write_duration_seconds", "Time that writing to the log took."),
            wal_write_bytes: to.gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the log."),
            backend_commit: ms(
                "etcd_disk_backend_commit_duration_seconds",
                "Time that committing a batch to the engine took.",
            ),
            backend_snapshot: to.histogram(
                "etcd_disk_backend_snapshot_duration_seconds",
                "Time that making a snapshot of the engine took.",
                Buckets { first: 0.01, count: 17 },
            ),
            backend_defrag: to.histogram(
                "etcd_disk_backend_defrag_duration_seconds",
                "Time that defragmenting the engine took.",
                Buckets { first: 0.1, count: 13 },
            ),
            defrag_inflight: to
                .gauge("etcd_disk_defrag_inflight", "1 while the engine is being defragmented."),
            snap_fsync: ms("etcd_snap_fsync_duration_seconds", "Time that syncing a snapshot file took."),
            snap_save: ms(
                "etcd_debugging_snap_save_total_duration_seconds",
                "Time that saving a snapshot file took.",
            ),
            snap_db_fsync: ms(
                "etcd_snap_db_fsync_duration_seconds",
                "Time that syncing a received database took.",
            ),
            snap_db_save: to.histogram(
                "etcd_snap_db_save_total_duration_seconds",
                "Time that receiving a database took.",
                Buckets { first: 0.1, count: 10 },
            ),
        }
    }
}
