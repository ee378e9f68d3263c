//! What the owner decides about leases.

/// Settings of a [`LeaseBook`](crate::LeaseBook).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Shorter TTLs are raised to this, in seconds. A lease must outlive an election, or every change of
    /// leader would end it.
    pub min_ttl_s: i64,
    /// How many leases the owner can revoke in a second. A promotion, which gives leases new deadlines, spreads
    /// them so that no second holds more than three quarters of this.
    pub revokes_per_s: usize,
    /// An expired lease that is still there after this time comes up again, in milliseconds.
    pub retry_ms: u64,
    /// A lease that has aged by this since its remaining TTL was last stored is due for a checkpoint, in
    /// milliseconds. Leases with a shorter TTL than this are never due: they expire first.
    pub checkpoint_ms: u64,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        LeaseConfig { min_ttl_s: 2, revokes_per_s: 10_000, retry_ms: 3_000, checkpoint_ms: 60_000 }
    }
}
