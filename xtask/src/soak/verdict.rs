//! Whether a soak went as it should.

use super::load::Sent;
use crate::scrape::{Memory, Scrape};
use std::time::Duration;

/// By how much memory may still grow: what the allocator keeps moves a little, and files that are mapped come and go.
const GROWTH: f64 = 1.10;
const RESIDENT_SLACK_KIB: f64 = 16.0 * 1024.0;
const ANONYMOUS_SLACK_KIB: f64 = 2.0 * 1024.0;

/// Memory must not grow any more after `settled`: the highest of the last quarter against the highest of the first
/// quarter from then on; and that for what is the process's own, too.
pub(super) fn memory(looks: &[(Duration, Memory)], settled: Duration) -> Vec<String> {
    let later: Vec<Memory> =
        looks.iter().filter(|(at, _)| *at >= settled).map(|(_, memory)| *memory).collect();
    let quarter = later.len() / 4;
    if quarter == 0 {
        return vec!["too short to say anything of memory".to_owned()];
    }
    let highest = |looks: &[Memory]| {
        let resident = looks.iter().map(|memory| memory.resident_kib).max().unwrap_or(0);
        let anonymous = looks.iter().map(|memory| memory.anonymous_kib).max().unwrap_or(0);
        [("memory", resident, RESIDENT_SLACK_KIB), ("anonymous memory", anonymous, ANONYMOUS_SLACK_KIB)]
    };
    let (first, last) = (highest(&later[..quarter]), highest(&later[later.len() - quarter..]));
    let mut failures = Vec::new();
    for ((what, before, slack_kib), (_, after, _)) in first.into_iter().zip(last) {
        println!("{what} after settling: at most {before} KiB in the first quarter, {after} KiB in the last");
        if after as f64 > before as f64 * GROWTH + slack_kib {
            failures.push(format!("{what} grew from {before} to {after} KiB"));
        }
    }
    failures
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
