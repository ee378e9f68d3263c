//! Metrics of etcd that do not exist here.

/// Names, or beginnings of names, of etcd's metrics that are not shown, each with the reason.
pub const ABSENT: &[(&str, &str)] = &[
    ("go_", "there is no Go run time to measure"),
    ("etcd_server_go_version", "there is no Go run time to name"),
    ("etcd_grpc_proxy_", "shown by `etcd grpc-proxy`, which is a program of its own"),
    (
        "promhttp_metric_handler_requests_in_flight",
        "a scrape is answered at once; there is no queue to watch",
    ),
    (
        "etcd_debugging_disk_backend_commit_rebalance_duration_seconds",
        "a phase of bbolt's commit, which no engine here has",
    ),
    (
        "etcd_debugging_disk_backend_commit_spill_duration_seconds",
        "a phase of bbolt's commit, which no engine here has",
    ),
    (
        "etcd_debugging_disk_backend_commit_write_duration_seconds",
        "a phase of bbolt's commit; engines here tell only of the whole, etcd_disk_backend_commit_duration_seconds",
    ),
    (
        "etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
        "index and records are compacted together, in the batches that the db_compaction metrics time",
    ),
    (
        "etcd_debugging_snap_save_marshalling_duration_seconds",
        "encoding is a part of etcd_debugging_snap_save_total_duration_seconds, in a core that reads no clock",
    ),
];
