//! Leases.

use super::registrar::{Buckets, Registrar};
use prometheus::{Histogram, IntCounter};

/// Handles of `etcd_debugging_lease_*`.
#[derive(Debug)]
pub struct LeaseMetrics {
    /// Leases granted.
    pub granted: IntCounter,
    /// Leases revoked, expired ones too.
    pub revoked: IntCounter,
    /// Keep-alives of the leader.
    pub renewed: IntCounter,
    /// Time to live of each lease when granted, in seconds.
    pub ttl: Histogram,
}

impl LeaseMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        LeaseMetrics {
            granted: to.counter("etcd_debugging_lease_granted_total", "Leases granted."),
            revoked: to.counter("etcd_debugging_lease_revoked_total", "Leases revoked."),
            renewed: to.counter("etcd_debugging_lease_renewed_total", "Leases renewed by the leader."),
            ttl: to.histogram(
                "etcd_debugging_lease_ttl_total",
                "Time to live of granted leases, in seconds.",
                Buckets { first: 1.0, count: 24 },
            ),
        }
    }
}
