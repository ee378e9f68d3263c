//! A lease that is kept alive, and news of its end.

use crate::{Error, Kv, Leases};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{Either, Shared, select},
    stream::BoxStream,
};
use oxetcd_api::LeaseId;
use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Presence: what is tied to a session lives as long as it does. Cheap to clone; when the last clone is
/// dropped, the renewals stop, and the lease ends after its TTL. [`Session::close`] ends it at once.
pub struct Session<K> {
    kv: K,
    lease: LeaseId,
    /// `None`: somebody else keeps the lease alive.
    keeping: Option<Arc<Keeping>>,
}

/// The renewals, as their task and the handles share them.
struct Keeping {
    alive: Arc<Alive>,
    /// Taken, and so dropped, to stop the task.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    done: Shared<oneshot::Receiver<()>>,
}

/// Until when the lease lives for certain.
struct Alive(Mutex<Option<Instant>>);

impl Alive {
    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn at(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }
}

impl<K: Kv> Session<K> {
    /// A session over a lease that somebody else keeps alive. It is never [`done`](Session::done): only the
    /// store can say that the lease has ended.
    pub fn detached(kv: K, lease: LeaseId) -> Self {
        Session { kv, lease, keeping: None }
    }

    /// The store.
    pub fn kv(&self) -> &K {
        &self.kv
    }

    /// The lease.
    pub fn lease(&self) -> LeaseId {
        self.lease
    }

    /// Whether the lease lives, as far as can be told without asking. `false` as soon as a TTL has passed since the
    /// last renewal was asked for, also in a process that was stopped meanwhile. `true` is no promise: the next moment may
    /// be another. Always `true` for a [`detached`](Session::detached) session.
    pub fn is_alive(&self) -> bool {
        self.keeping.as_ref().is_none_or(|keeping| keeping.alive.at(Instant::now()))
    }

    /// Resolves when the lease is no longer renewed: it has ended, could not be renewed in time, or was
    /// [orphaned](Session::orphan).
    pub fn done(&self) -> impl Future<Output = ()> + Send + 'static {
        let done = self.keeping.as_ref().map(|keeping| keeping.done.clone());
        async move {
            match done {
                Some(done) => drop(done.await),
                None => std::future::pending().await,
            }
        }
    }

    /// Stops the renewals and leaves the lease to its TTL, or to somebody else.
    pub fn orphan(&self) -> LeaseId {
        if let Some(keeping) = &self.keeping {
            keeping.alive.set(None);
            keeping.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.lease
    }
}

impl<K: Leases> Session<K> {
    /// A session with a new lease of `ttl_s` seconds: how long others wait when this process dies.
    ///
    /// # Errors
    /// When the lease cannot be made, or not be renewed even once.
    pub async fn new(kv: K, ttl_s: i64) -> Result<Self, Error<K::Error>> {
        let lease = kv.grant(ttl_s).await?;
        Self::with_lease(kv, lease).await
    }

    /// A session over a lease that exists, which it keeps alive from now on.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] when the lease cannot be renewed.
    pub async fn with_lease(kv: K, lease: LeaseId) -> Result<Self, Error<K::Error>> {
        let mut renewals = kv.keep_alive(lease);
        let first = renewals.next().await.ok_or(Error::SessionExpired)?;
        let alive = Arc::new(Alive(Mutex::new(Some(first.valid_until))));
        let (stop, stopped) = oneshot::channel();
        let (ended, done) = oneshot::channel();
        kv.spawn(keep(renewals, alive.clone(), stopped, ended).boxed());
        let keeping = Keeping { alive, stop: Mutex::new(Some(stop)), done: done.shared() };
        Ok(Session { kv, lease, keeping: Some(Arc::new(keeping)) })
    }

    /// Ends the lease, and with it every lock and leadership of this session.
    ///
    /// # Errors
    /// When the lease cannot be ended; it then ends after its TTL.
    pub async fn close(self) -> Result<(), Error<K::Error>> {
        let lease = self.orphan();
        Ok(self.kv.revoke(lease).await?)
    }
}

/// Notes renewals until there are no more, or nobody wants them.
async fn keep(
    mut renewals: BoxStream<'static, crate::Renewal>,
    alive: Arc<Alive>,
    mut stopped: oneshot::Receiver<()>,
    ended: oneshot::Sender<()>,
) {
    while let Either::Left((Some(renewal), _)) = select(renewals.next(), &mut stopped).await {
        alive.set(Some(renewal.valid_until));
    }
    alive.set(None);
    drop(renewals);
    drop(ended);
}

// Not derived: `K` need not be printable.
impl<K> fmt::Debug for Session<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl<K: Clone> Clone for Session<K> {
    fn clone(&self) -> Self {
        Session { kv: self.kv.clone(), lease: self.lease, keeping: self.keeping.clone() }
    }
}
