//! Health probes and what they found.

use super::registrar::Registrar;
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

/// Handles of the health metrics.
#[derive(Debug)]
pub struct HealthMetrics {
    /// Answers of `/health` that were good.
    pub successes: IntCounter,
    /// Answers of `/health` that were not.
    pub failures: IntCounter,
    last: IntGaugeVec,
    total: IntCounterVec,
}

impl HealthMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        HealthMetrics {
            successes: to.counter("etcd_server_health_success", "Good answers of /health."),
            failures: to.counter("etcd_server_health_failures", "Bad answers of /health."),
            last: to.gauges(
                "etcd_server_healthcheck",
                "1 for each check that was good when last made.",
                &["type", "name"],
            ),
            total: to.counters(
                "etcd_server_healthchecks_total",
                "Checks made, by what they found.",
                &["type", "name", "status"],
            ),
        }
    }

    /// A check `name` of the probe `kind` (`livez`, `readyz`) was made.
    pub fn checked(&self, kind: &str, name: &str, good: bool) {
        self.last.with_label_values(&[kind, name]).set(i64::from(good));
        let status = if good { "success" } else { "error" };
        self.total.with_label_values(&[kind, name, status]).inc();
    }
}
