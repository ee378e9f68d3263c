//! Requests, proposals and leadership.

use super::{
    op::Op,
    outcome::Outcomes,
    registrar::{Buckets, Registrar},
};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use std::{sync::OnceLock, time::Duration};

/// Handles of `etcd_server_*` and its relatives.
#[derive(Debug)]
pub struct ServerMetrics {
    /// 1 when there is a leader.
    pub has_leader: IntGauge,
    /// 1 when this member leads.
    pub is_leader: IntGauge,
    /// 1 when this member is a learner.
    pub is_learner: IntGauge,
    /// Leaders seen, one after the other.
    pub leader_changes: IntCounter,
    /// Index of the last committed entry.
    pub proposals_committed: IntGauge,
    /// Index of the last applied entry.
    pub proposals_applied: IntGauge,
    /// Proposals without an answer yet.
    pub proposals_pending: IntGauge,
    /// Proposals that failed.
    pub proposals_failed: IntCounter,
    /// Heartbeats that could not be sent in time.
    pub heartbeat_send_failures: IntCounter,
    /// Entries that took longer to apply than `--warning-apply-duration`.
    pub slow_applies: IntCounter,
    /// ReadIndex rounds that took too long.
    pub slow_read_indexes: IntCounter,
    /// ReadIndex rounds that failed.
    pub read_indexes_failed: IntCounter,
    /// 1 while a snapshot is applied.
    pub snapshot_apply_in_progress: IntGauge,
    /// The quota in force, in bytes.
    pub quota_bytes: IntGauge,
    /// Learners made voters.
    pub learner_promote_successes: IntCounter,
    /// Leases that ran out.
    pub leases_expired: IntCounter,
    /// Revision of the auth store.
    pub auth_revision: IntGauge,
    families: Families,
}

/// Versions of clients told apart. The version is a header that a client may fill at will; without a limit, a
/// hostile one could fill the memory with series.
const CLIENT_VERSIONS: usize = 16;

/// Metrics with labels.
#[derive(Debug)]
struct Families {
    learner_promote_failures: IntCounterVec,
    range: HistogramVec,
    range_series: [OnceLock<Histogram>; 2],
    applies: Outcomes,
    requests: Outcomes,
    client_requests: IntCounterVec,
    clients: [OnceLock<Client>; CLIENT_VERSIONS],
    server_id: IntGaugeVec,
    version: IntGaugeVec,
    cluster_version: IntGaugeVec,
    features: IntGaugeVec,
    alarms: IntGaugeVec,
}

#[derive(Debug)]
struct Client {
    version: Box<str>,
    unary: IntCounter,
    stream: IntCounter,
}

impl Families {
    fn new(to: &Registrar<'_>) -> Self {
        let applies = to.histograms(
            "etcd_server_apply_duration_seconds",
            "Time that applying an entry took, by request.",
            Buckets::FINE,
            &["version", "op", "success"],
        );
        let requests = to.histograms(
            "etcd_server_request_duration_seconds",
            "Time from a request to its answer in the server, by request.",
            Buckets::MILLISECONDS,
            &["type", "success"],
        );
        Families {
            learner_promote_failures: to.counters(
                "etcd_server_learner_promote_failures",
                "Learners that could not be promoted, by reason.",
                &["Reason"],
            ),
            range: to.histograms(
                "etcd_server_range_duration_seconds",
                "Time that reading a range took.",
                Buckets::FINE,
                &["success"],
            ),
            range_series: Default::default(),
            applies: Outcomes::new(applies, |op, success| vec!["v3", op, success]),
            requests: Outcomes::new(requests, |op, success| vec![op, success]),
            client_requests: to.counters(
                "etcd_server_client_requests_total",
                "Requests of clients, by the version of their library.",
                &["type", "client_api_version"],
            ),
            clients: Default::default(),
            server_id: to.gauges("etcd_server_id", "Id of this member, in its label.", &["server_id"]),
            version: to.gauges("etcd_server_version", "Version served, in its label.", &["server_version"]),
            cluster_version: to.gauges(
                "etcd_cluster_version",
                "Version that the cluster works at, in its label.",
                &["cluster_version"],
            ),
            features: to.gauges(
                "etcd_server_feature_enabled",
                "1 for each feature gate that is on.",
                &["name", "stage"],
            ),
            alarms: to.gauges(
                "etcd_debugging_server_alarms",
                "1 for each alarm that is raised.",
                &["server_id", "alarm_type"],
            ),
        }
    }
}

impl ServerMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        ServerMetrics {
            has_leader: to.gauge("etcd_server_has_leader", "1 when there is a leader, else 0."),
            is_leader: to.gauge("etcd_server_is_leader", "1 when this member leads, else 0."),
            is_learner: to.gauge("etcd_server_is_learner", "1 when this member is a learner, else 0."),
            leader_changes: to.counter("etcd_server_leader_changes_seen_total", "Changes of leader seen."),
            proposals_committed: to
                .gauge("etcd_server_proposals_committed_total", "Index of the last committed entry."),
            proposals_applied: to
                .gauge("etcd_server_proposals_applied_total", "Index of the last applied entry."),
            proposals_pending: to.gauge("etcd_server_proposals_pending", "Proposals without an answer yet."),
            proposals_failed: to.counter("etcd_server_proposals_failed_total", "Proposals that failed."),
            heartbeat_send_failures: to.counter(
                "etcd_server_heartbeat_send_failures_total",
                "Heartbeats sent late because this member was too slow.",
            ),
            slow_applies: to.counter("etcd_server_slow_apply_total", "Entries that took too long to apply."),
            slow_read_indexes: to
                .counter("etcd_server_slow_read_indexes_total", "Linearizable reads that waited too long."),
            read_indexes_failed: to.counter(
                "etcd_server_read_indexes_failed_total",
                "Linearizable reads for which no index was agreed.",
            ),
            snapshot_apply_in_progress: to.gauge(
                "etcd_server_snapshot_apply_in_progress_total",
                "1 while a received snapshot is being applied.",
            ),
            quota_bytes: to.gauge("etcd_server_quota_backend_bytes", "Quota in force, in bytes."),
            learner_promote_successes: to
                .counter("etcd_server_learner_promote_successes", "Learners promoted while leading."),
            leases_expired: to.counter("etcd_debugging_server_lease_expired_total", "Leases that ran out."),
            auth_revision: to.gauge("etcd_debugging_auth_revision", "Revision of the auth store."),
            families: Families::new(to),
        }
    }

    /// An entry was applied.
    pub fn applied(&self, op: Op, success: bool, took: Duration) {
        self.families.applies.observe(op, success, took);
    }

    /// A request was answered.
    pub fn requested(&self, op: Op, success: bool, took: Duration) {
        self.families.requests.observe(op, success, took);
    }

    /// A range was read.
    pub fn ranged(&self, success: bool, took: Duration) {
        let series = self.families.range_series[usize::from(success)]
            .get_or_init(|| self.families.range.with_label_values(&[if success { "true" } else { "false" }]));
        series.observe(took.as_secs_f64());
    }

    /// A client called; `version` is what its `client-api-version` header says, if anything.
    pub fn client_request(&self, version: Option<&str>, streaming: bool) {
        let version = version.filter(|version| version.len() <= 32).unwrap_or("unknown");
        let client = self.client(version).or_else(|| self.client("unknown"));
        if let Some(client) = client {
            if streaming { &client.stream } else { &client.unary }.inc();
        }
    }

    /// The counters of a version; `None` when there are too many versions already.
    fn client(&self, version: &str) -> Option<&Client> {
        let last = if version == "unknown" { CLIENT_VERSIONS } else { CLIENT_VERSIONS - 1 };
        let slots = self.families.clients[..last].iter();
        slots
            .map(|slot| slot.get_or_init(|| self.new_client(version)))
            .find(|client| *client.version == *version)
    }

    fn new_client(&self, version: &str) -> Client {
        Client {
            version: version.into(),
            unary: self.families.client_requests.with_label_values(&["unary", version]),
            stream: self.families.client_requests.with_label_values(&["stream", version]),
        }
    }

    /// A learner could not be promoted.
    pub fn learner_promote_failed(&self, reason: &str) {
        self.families.learner_promote_failures.with_label_values(&[reason]).inc();
    }

    /// Says who this member is and which version it serves.
    pub fn identify(&self, member_id: u64, version: &str) {
        self.families.server_id.with_label_values(&[&format!("{member_id:x}")]).set(1);
        self.families.version.with_label_values(&[version]).set(1);
    }

    /// The version that the cluster works at, as major.minor.
    pub fn set_cluster_version(&self, version: &str) {
        self.families.cluster_version.reset();
        self.families.cluster_version.with_label_values(&[version]).set(1);
    }

    /// A feature gate, its stage (`ALPHA`, `BETA`) and whether it is on.
    pub fn set_feature(&self, name: &str, stage: &str, enabled: bool) {
        self.families.features.with_label_values(&[name, stage]).set(i64::from(enabled));
    }

    /// An alarm of a member was raised, or is off again.
    pub fn set_alarm(&self, member_id: u64, kind: &str, raised: bool) {
        self.families.alarms.with_label_values(&[&format!("{member_id:x}"), kind]).set(i64::from(raised));
    }
}
