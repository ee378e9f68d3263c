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
];
