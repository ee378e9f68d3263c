//! What can go wrong with a lock, an election or a transaction.

/// Why something failed; `E` is the error of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// The store answers with an error.
    #[error(transparent)]
    Store(#[from] E),
    /// [`try_lock`](crate::Mutex::try_lock): somebody else holds the lock.
    #[error("mutex: Locked by another session")]
    Locked,
    /// The lease of the session has ended, and with it every place in a line that it had.
    #[error("mutex: session is expired")]
    SessionExpired,
    /// The lock is not held by this mutex.
    #[error("mutex: lock has already been released")]
    Released,
    /// This election's leadership is over, or never began.
    #[error("election: not leader")]
    NotLeader,
    /// Nobody leads.
    #[error("election: no leader")]
    NoLeader,
    /// The store ended a watch without a reason.
    #[error("lost watcher waiting for delete")]
    WatchLost,
    /// The runtime ended before the store had answered.
    #[error("context canceled")]
    Canceled,
    /// The body of a transaction gave up by itself, for this reason.
    #[error("{0}")]
    Aborted(String),
}
