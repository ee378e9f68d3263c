//! `/metrics` tells what was done.

use crate::support::{Server, http_get};
use etcd_client::{Client, PutOptions, Txn, TxnOp, WatchOptions};
use std::collections::HashMap;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The series of a scrape by name and labels.
fn scrape(server: &Server) -> HashMap<String, f64> {
    let (status, text) = http_get(server.endpoint(), "/metrics");
    assert_eq!(status, 200);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| line.rsplit_once(' '));
    series.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

fn check(seen: &HashMap<String, f64>, wanted: &[(&str, f64)]) {
    for (name, value) in wanted {
        assert_eq!(seen.get(*name), Some(value), "{name}");
    }
}

/// A series of one method.
fn rpc(family: &str, service: &str, method: &str, kind: &str) -> String {
    let code = if family == "handled" { "grpc_code=\"OK\"," } else { "" };
    format!(
        "grpc_server_{family}_total{{{code}grpc_method=\"{method}\",grpc_service=\"etcdserverpb.{service}\",\
         grpc_type=\"{kind}\"}}"
    )
}

#[tokio::test]
async fn requests_are_counted_and_timed() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    let lease = client.lease_grant(1000, None).await?.id();
    client.put("a", "1", None).await?;
    client.put("b", "2", Some(PutOptions::new().with_lease(lease))).await?;
    assert!(client.put("c", "3", Some(PutOptions::new().with_lease(lease + 1))).await.is_err());
    client.get("a", None).await?;
    client.txn(Txn::new().and_then([TxnOp::put("d", "4", None), TxnOp::get("a", None)])).await?;
    client.txn(Txn::new().and_then([TxnOp::get("a", None), TxnOp::get("b", None)])).await?;
    client.delete("a", None).await?;
    client.lease_revoke(lease).await?;
    client.compact(3, None).await?;
    let seen = scrape(&server);
    check(
        &seen,
        &[
            ("etcd_mvcc_put_total", 3.0),
            ("etcd_mvcc_delete_total", 1.0),
            ("etcd_mvcc_range_total", 4.0),
            ("etcd_mvcc_txn_total", 2.0),
            ("etcd_debugging_lease_granted_total", 1.0),
            ("etcd_debugging_lease_revoked_total", 1.0),
            ("etcd_debugging_lease_ttl_total_sum", 1000.0),
            ("etcd_debugging_mvcc_current_revision", 6.0),
            ("etcd_debugging_mvcc_compact_revision", 3.0),
            ("etcd_debugging_mvcc_keys_total", 1.0),
            ("etcd_server_has_leader", 1.0),
            ("etcd_server_is_leader", 1.0),
            ("etcd_server_leader_changes_seen_total", 1.0),
            ("etcd_server_proposals_pending", 0.0),
            ("etcd_server_proposals_failed_total", 0.0),
            ("etcd_server_quota_backend_bytes", 2147483648.0),
            ("etcd_server_version{server_version=\"3.7.1\"}", 1.0),
            ("etcd_cluster_version{cluster_version=\"3.7\"}", 1.0),
            ("etcd_server_feature_enabled{name=\"LeaseCheckpoint\",stage=\"ALPHA\"}", 0.0),
            ("etcd_server_range_duration_seconds_count{success=\"true\"}", 1.0),
            ("etcd_server_request_duration_seconds_count{success=\"true\",type=\"Put\"}", 3.0),
            ("etcd_server_request_duration_seconds_count{success=\"true\",type=\"ReadonlyTxn\"}", 1.0),
            ("etcd_server_apply_duration_seconds_count{op=\"Put\",success=\"true\",version=\"v3\"}", 2.0),
            ("etcd_server_apply_duration_seconds_count{op=\"Put\",success=\"false\",version=\"v3\"}", 1.0),
            (&rpc("started", "KV", "Put", "unary"), 3.0),
            (&rpc("handled", "KV", "Put", "unary"), 2.0),
            (&rpc("handled", "KV", "Put", "unary").replace("OK", "NotFound"), 1.0),
            (&rpc("msg_received", "KV", "Put", "unary"), 3.0),
            (&rpc("msg_sent", "KV", "Put", "unary"), 2.0),
            (&rpc("handled", "Lease", "LeaseGrant", "unary"), 1.0),
            (&rpc("msg_received", "Lease", "LeaseGrant", "unary"), 1.0),
            (&rpc("msg_sent", "Lease", "LeaseGrant", "unary"), 1.0),
        ],
    );
    let positive = [
        "etcd_server_proposals_committed_total",
        "etcd_server_proposals_applied_total",
        "etcd_debugging_mvcc_total_put_size_in_bytes",
        "etcd_disk_wal_write_bytes_total",
        "etcd_disk_wal_fsync_duration_seconds_count",
        "etcd_disk_wal_write_duration_seconds_count",
        "oxetcd_wal_append_entries_count",
        "etcd_mvcc_db_total_size_in_bytes",
        "etcd_network_client_grpc_received_bytes_total",
        "etcd_network_client_grpc_sent_bytes_total",
        "process_resident_memory_bytes",
    ];
    for name in positive {
        assert!(seen.get(name).is_some_and(|value| *value > 0.0), "{name}: {:?}", seen.get(name));
    }
    Ok(())
}

#[tokio::test]
async fn snapshots_refusals_and_what_there_is_are_counted() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    client.lease_grant(1000, None).await?;
    assert!(client.put("big", vec![0; 1_600_000], None).await.is_err());
    let mut snapshot = client.snapshot().await?;
    while snapshot.message().await?.is_some() {}
    // The thread that sends a snapshot ends a moment after its last message.
    let mut seen = scrape(&server);
    while seen["etcd_mvcc_db_open_read_transactions"] > 0.0 {
        seen = scrape(&server);
    }
    check(
        &seen,
        &[
            ("etcd_disk_backend_snapshot_duration_seconds_count", 1.0),
            ("oxetcd_engine_info{engine=\"lmdb\"}", 1.0),
            ("oxetcd_leases", 1.0),
            ("oxetcd_requests_refused_total{reason=\"size\"}", 1.0),
        ],
    );
    let known = seen.keys().filter(|name| name.starts_with("etcd_network_known_peers{"));
    assert_eq!(known.count(), 1, "it knows itself");
    Ok(())
}

#[tokio::test]
async fn streams_are_counted_to_their_end() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    let mut watch = client.watch("w", Some(WatchOptions::new())).await?;
    for value in 0..3 {
        client.put("w", value.to_string(), None).await?;
    }
    let mut events = 0;
    while events < 3 {
        let answer = watch.message().await?.ok_or("the watch ended")?;
        events += answer.events().len();
    }
    let seen = scrape(&server);
    check(
        &seen,
        &[
            (&rpc("started", "Watch", "Watch", "bidi_stream"), 1.0),
            (&rpc("handled", "Watch", "Watch", "bidi_stream"), 0.0),
            (&rpc("msg_received", "Watch", "Watch", "bidi_stream"), 1.0),
            ("etcd_debugging_mvcc_watch_stream_total", 1.0),
            ("etcd_debugging_mvcc_watcher_total", 1.0),
            ("etcd_debugging_mvcc_events_total", 3.0),
            ("etcd_debugging_server_watch_send_loop_control_stream_duration_seconds_count", 1.0),
        ],
    );
    // One to say that it was created, and the events in one to three more.
    let sent = seen[&rpc("msg_sent", "Watch", "Watch", "bidi_stream")];
    assert!((2.0..=4.0).contains(&sent), "{sent}");
    drop((watch, client));
    let codes =
        ["OK", "Canceled"].map(|code| rpc("handled", "Watch", "Watch", "bidi_stream").replace("OK", code));
    let ended = || {
        let seen = scrape(&server);
        codes.iter().map(|name| seen[name]).sum::<f64>() == 1.0
            && seen["etcd_debugging_mvcc_watch_stream_total"] == 0.0
    };
    while !ended() {
        tokio::task::yield_now().await;
    }
    // Whatever happened to the last of them, none waits any more.
    let seen = scrape(&server);
    check(
        &seen,
        &[("etcd_debugging_mvcc_pending_events_total", 0.0), ("oxetcd_watch_events_taken_total", 3.0)],
    );
    Ok(())
}
