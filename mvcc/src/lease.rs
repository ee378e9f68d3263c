//! What the store asks of leases.

use oxetcd_api::LeaseId;

/// The ties between keys and leases, as far as the store needs them: it tells of every key that is bound to a
/// lease or released from one, in the order of the writes.
///
/// The store remembers by itself which key has a lease, so no lookup by key is asked for.
pub trait LeaseBinding {
    /// Whether this lease can take keys.
    fn exists(&self, id: LeaseId) -> bool;

    /// `key` now lives no longer than the lease `id`. Not called twice without a `detach` between.
    fn attach(&mut self, id: LeaseId, key: &[u8]) {
        let _ = (id, key);
    }

    /// `key` was deleted or got another lease (or none). The lease itself may be gone already.
    fn detach(&mut self, id: LeaseId, key: &[u8]) {
        let _ = (id, key);
    }
}

/// No lease exists; for stores without leases.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLeases;

impl LeaseBinding for NoLeases {
    fn exists(&self, _id: LeaseId) -> bool {
        false
    }
}
