//! A lock that one session holds at a time.

use crate::{Error, Kv, Session, claim::Claim, ops, turn};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{Compare, ResponseHeader};
use std::fmt;

/// A lock of a name, as one session sees it. Waiters get it in the order in which they came.
///
/// Dropping the mutex does not release the lock: that is [`unlock`](Mutex::unlock), or the end of the session.
pub struct Mutex<K> {
    session: Session<K>,
    line: Bytes,
    held: Option<Held>,
}

struct Held {
    key: Bytes,
    revision: i64,
    header: ResponseHeader,
}

impl<K: Kv> Mutex<K> {
    /// The lock `name`, not held yet.
    pub fn new(session: &Session<K>, name: impl AsRef<[u8]>) -> Self {
        Mutex { session: session.clone(), line: ops::line(name.as_ref()), held: None }
    }

    /// Waits for the lock and takes it. If the future is dropped, its place in the line is given up.
    ///
    /// A session that holds the lock already holds it once: another `lock` of the same session returns at
    /// once, and the first `unlock` releases it.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] when the lease ended meanwhile; any error of the store. The lock is not held then.
    pub async fn lock(&mut self) -> Result<(), Error<K::Error>> {
        let joined = self.join().await?;
        let header = match joined.first {
            true => joined.header,
            false => turn::wait(&self.session, &self.line, &joined.claim).await?,
        };
        self.take(joined.claim, header)
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// [`Error::Locked`] when somebody does; otherwise those of [`lock`](Mutex::lock).
    pub async fn try_lock(&mut self) -> Result<(), Error<K::Error>> {
        let joined = self.join().await?;
        if !joined.first {
            joined.claim.withdraw().await?;
            return Err(Error::Locked);
        }
        self.take(joined.claim, joined.header)
    }

    async fn join(&mut self) -> Result<crate::claim::Joined<K>, Error<K::Error>> {
        self.held = None;
        Claim::join(self.session.kv(), &self.line, self.session.lease(), Bytes::new()).await
    }

    /// The lock is ours, unless the lease has ended on the way.
    fn take(&mut self, claim: Claim<K>, header: ResponseHeader) -> Result<(), Error<K::Error>> {
        if !self.session.is_alive() {
            return Err(Error::SessionExpired);
        }
        let (key, revision) = claim.keep();
        self.held = Some(Held { key, revision, header });
        Ok(())
    }

    /// Releases the lock. A lock that was lost meanwhile, and perhaps has another holder, is left alone.
    ///
    /// # Errors
    /// [`Error::Released`] when it is not held; any error of the store, and the lock counts as held still.
    pub async fn unlock(&mut self) -> Result<(), Error<K::Error>> {
        let Some(held) = &self.held else { return Err(Error::Released) };
        self.session.kv().txn(ops::delete_if_created_at(held.key.clone(), held.revision)).await?;
        self.held = None;
        Ok(())
    }

    /// Whether the lock is held, as far as can be told without asking: see [`Session::is_alive`]. Good for
    /// giving up early; what must be safe needs [`is_owner`](Mutex::is_owner) or [`revision`](Mutex::revision).
    pub fn is_held(&self) -> bool {
        self.held.is_some() && self.session.is_alive()
    }

    /// A comparison that holds while the lock is held, for the transactions that it protects. `None` when the lock
    /// was not taken.
    pub fn is_owner(&self) -> Option<Compare> {
        self.held.as_ref().map(|held| ops::created_at(held.key.clone(), held.revision))
    }

    /// The fence: higher for each holder than for all before it. `None` when the lock was not taken.
    pub fn revision(&self) -> Option<i64> {
        self.held.as_ref().map(|held| held.revision)
    }

    /// The key that stands for holding the lock. `None` when the lock was not taken.
    pub fn key(&self) -> Option<&Bytes> {
        self.held.as_ref().map(|held| &held.key)
    }

    /// The header of the answer by which the lock was taken.
    pub fn header(&self) -> Option<&ResponseHeader> {
        self.held.as_ref().map(|held| &held.header)
    }

    /// The session.
    pub fn session(&self) -> &Session<K> {
        &self.session
    }
}

impl<K> fmt::Debug for Mutex<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = self.held.as_ref().map(|held| held.revision);
        f.debug_struct("Mutex").field("line", &self.line).field("revision", &revision).finish_non_exhaustive()
    }
}
