//! Why the book refuses.

/// Refusal of a [`LeaseBook`](crate::LeaseBook). All but [`LeaseError::NotPrimary`] and
/// [`LeaseError::Expired`] depend on replicated facts alone: every member refuses the same entry alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// There is no such lease; 0 never is one.
    #[error("lease not found")]
    NotFound,
    /// The id is taken.
    #[error("lease already exists")]
    Exists,
    /// The TTL is above [`MAX_TTL_S`](crate::MAX_TTL_S).
    #[error("too large lease TTL")]
    TtlTooLarge,
    /// Only the primary knows when leases expire.
    #[error("not a primary lessor")]
    NotPrimary,
    /// The lease is over and waits for its revocation. Whoever wanted to renew it asks again after the next
    /// revocation or change of leader: the answer is then [`LeaseError::NotFound`] or
    /// [`LeaseError::NotPrimary`].
    #[error("lease has expired and is being revoked")]
    Expired,
}
