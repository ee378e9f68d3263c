//! Dashboards and alert rules find their series, and the page of metrics names all that there are.

use crate::support::{Server, http_get};
use etcd_client::{Client, MemberAddOptions};
use std::{collections::BTreeSet, path::PathBuf};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What the queries of etcd's own dashboard and alert rules (its `contrib/mixin`) ask for: a series, and the labels
/// that they select or group by.
const ASKED: &[(&str, &[&str])] = &[
    ("etcd_disk_backend_commit_duration_seconds_bucket", &["le"]),
    ("etcd_disk_wal_fsync_duration_seconds_bucket", &["le"]),
    ("etcd_mvcc_db_total_size_in_bytes", &[]),
    ("etcd_mvcc_db_total_size_in_use_in_bytes", &[]),
    ("etcd_network_client_grpc_received_bytes_total", &[]),
    ("etcd_network_client_grpc_sent_bytes_total", &[]),
    ("etcd_network_peer_received_bytes_total", &["From"]),
    ("etcd_network_peer_round_trip_time_seconds_bucket", &["To", "le"]),
    ("etcd_network_peer_sent_bytes_total", &["To"]),
    ("etcd_network_peer_sent_failures_total", &["To"]),
    ("etcd_server_has_leader", &[]),
    ("etcd_server_leader_changes_seen_total", &[]),
    ("etcd_server_proposals_applied_total", &[]),
    ("etcd_server_proposals_committed_total", &[]),
    ("etcd_server_proposals_failed_total", &[]),
    ("etcd_server_proposals_pending", &[]),
    ("etcd_server_quota_backend_bytes", &[]),
    ("grpc_server_handled_total", &["grpc_code", "grpc_method", "grpc_service", "grpc_type"]),
    ("grpc_server_handling_seconds_bucket", &["grpc_method", "grpc_service", "grpc_type", "le"]),
    ("grpc_server_started_total", &["grpc_method", "grpc_service", "grpc_type"]),
    ("process_resident_memory_bytes", &[]),
    // Rules of older versions, and of the installers that carry some of their own.
    ("etcd_server_is_leader", &[]),
    ("etcd_server_heartbeat_send_failures_total", &[]),
    ("etcd_server_slow_apply_total", &[]),
    ("etcd_server_slow_read_indexes_total", &[]),
    ("etcd_server_health_failures", &[]),
    ("etcd_debugging_mvcc_keys_total", &[]),
    ("etcd_debugging_mvcc_slow_watcher_total", &[]),
    ("etcd_debugging_mvcc_watcher_total", &[]),
    ("etcd_debugging_mvcc_watch_stream_total", &[]),
    ("etcd_debugging_mvcc_pending_events_total", &[]),
    ("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_bucket", &["le"]),
    ("etcd_debugging_snap_save_total_duration_seconds_bucket", &["le"]),
    ("process_max_fds", &[]),
    ("process_open_fds", &[]),
];

fn page(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A member that measures all, and that knows of another one.
async fn scraped() -> Result<String, Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let mine = "http://127.0.0.1:2380";
    let cluster = format!("default={mine}");
    let founder = ["--initial-advertise-peer-urls", mine, "--initial-cluster", &cluster];
    let server = Server::start(dir.path(), &[&founder[..], &["--metrics", "extensive"]].concat());
    let mut client = Client::connect([server.url()], None).await?;
    client.put("key", "value", None).await?;
    let learner = Some(MemberAddOptions::new().with_is_learner());
    client.member_add(["http://127.0.0.1:1"], learner).await?;
    let (status, text) = http_get(server.endpoint(), "/metrics");
    assert_eq!(status, 200);
    Ok(text)
}

/// Names of metrics of etcd, of gRPC, of the process, and of our own, in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let known = ["etcd_", "oxetcd_", "grpc_server_", "process_", "os_fd_", "promhttp_", "go_"];
    words.filter(|word| known.iter().any(|start| word.starts_with(start))).collect()
}

/// The family that a series belongs to.
fn family(series: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    ends.iter().find_map(|end| series.strip_suffix(end)).unwrap_or(series)
}

#[tokio::test]
async fn queries_find_their_series_and_the_page_names_them_all() -> Outcome {
    let text = scraped().await?;
    let has = |series: &str, labels: &[&str]| {
        text.lines().any(|line| {
            let Some(rest) = line.strip_prefix(series) else { return false };
            let named = |label: &&str| rest.contains(&format!("{label}=\""));
            rest.starts_with(['{', ' ']) && labels.iter().all(named)
        })
    };
    for (series, labels) in ASKED {
        assert!(has(series, labels), "{series} {labels:?}");
    }
    let documented = page("docs/metrics.md");
    let rows: BTreeSet<&str> =
        documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap_or("");
        assert!(rows.contains(name), "{name} is not in docs/metrics.md");
    }
    let dashboard = page("packaging/grafana/oxetcd.json");
    let panels: serde_json::Value = serde_json::from_str(&dashboard)?;
    assert!(panels["panels"].as_array().is_some_and(|panels| panels.len() > 10));
    for name in names(&dashboard).into_iter().chain(names(&page("packaging/prometheus/oxetcd.rules.yml"))) {
        assert!(rows.contains(family(name)), "the dashboard or a rule asks for {name}, which nobody shows");
        let labels = ["etcd_network_", "grpc_server_handling"];
        if !labels.iter().any(|start| name.starts_with(start)) {
            assert!(
                text.contains(name),
                "the dashboard or a rule asks for {name}, which this member does not show"
            );
        }
    }
    Ok(())
}
