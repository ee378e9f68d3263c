//! Whether a soak went as it should.

use super::load::Sent;
use crate::scrape::Scrape;
use std::time::Duration;

/// By how much the memory may still grow, relative and in KiB: what the allocator keeps moves a little.
const GROWTH: f64 = 1.10;
const SLACK_KIB: f64 = 16.0 * 1024.0;

/// Memory must not grow any more after `settled`: the highest of the last quarter against the highest of the quarter
/// before it came that far.
pub(super) fn memory(looks: &[(Duration, u64)], settled: Duration) -> Option<String> {
    let highest = |looks: &[(Duration, u64)]| looks.iter().map(|(_, kib)| *kib).max().unwrap_or(0) as f64;
    let later: Vec<(Duration, u64)> = looks.iter().copied().filter(|(at, _)| *at >= settled).collect();
    let (first, last) = (later.len() / 4, later.len() - later.len() / 4);
    if first == 0 {
        return Some("too short to say anything of memory".to_owned());
    }
    let (before, after) = (highest(&later[..first]), highest(&later[last..]));
    println!("memory after settling: at most {before} KiB in the first quarter, {after} KiB in the last");
    (after > before * GROWTH + SLACK_KIB).then(|| format!("memory grew from {before} to {after} KiB"))
}

/// What was counted must be what was sent.
pub(super) fn counts(before: &Scrape, after: &Scrape, sent: &Sent) -> Vec<String> {
    let grown = |series: &str| after.value(series) - before.value(series);
    let handled = |service: &str, method: &str| {
        grown(&format!(
            "grpc_server_handled_total{{grpc_code=\"OK\",grpc_method=\"{method}\",\
             grpc_service=\"etcdserverpb.{service}\",grpc_type=\"unary\"}}"
        ))
    };
    let failed = |scrape: &Scrape| {
        scrape.sum(|name| {
            name.starts_with("grpc_server_handled_total")
                && name.contains("grpc_type=\"unary\"")
                && !name.contains("grpc_code=\"OK\"")
        })
    };
    let applied = |op: &str| {
        grown(&format!(
            "etcd_server_apply_duration_seconds_count{{op=\"{op}\",success=\"true\",version=\"v3\"}}"
        ))
    };
    let [puts, ranges, txns, compactions, grants, revokes, events] = sent.counts();
    let expected = [
        ("calls of Put", handled("KV", "Put"), puts),
        ("calls of Range", handled("KV", "Range"), ranges),
        ("calls of Txn", handled("KV", "Txn"), txns),
        ("calls of Compact", handled("KV", "Compact"), compactions),
        ("calls of LeaseGrant", handled("Lease", "LeaseGrant"), grants),
        ("calls of LeaseRevoke", handled("Lease", "LeaseRevoke"), revokes),
        ("calls that failed", failed(after) - failed(before), 0),
        // A transaction here is one put, and one range.
        ("puts", grown("etcd_mvcc_put_total"), puts + txns),
        ("transactions", grown("etcd_mvcc_txn_total"), txns),
        ("puts applied", applied("Put"), puts),
        ("transactions applied", applied("Txn"), txns),
        ("leases granted", grown("etcd_debugging_lease_granted_total"), grants),
        ("leases revoked", grown("etcd_debugging_lease_revoked_total"), revokes),
        ("events received", grown("etcd_debugging_mvcc_events_total"), events),
        ("revisions", grown("etcd_debugging_mvcc_current_revision"), puts + txns + revokes),
        ("proposals that failed", grown("etcd_server_proposals_failed_total"), 0),
    ];
    let wrong = expected.iter().filter(|(_, counted, wanted)| *counted != *wanted as f64);
    wrong
        .map(|(what, counted, wanted)| format!("{what}: {counted} counted, {wanted} sent or received"))
        .collect()
}
