//! An election: a lock whose holder has something to say.

use crate::{Error, Kv, Observer, Session, claim::Claim, observe::Proclamation, ops, turn};
use bytes::Bytes;
use oxetcd_api::{
    etcdserverpb::{ResponseHeader, TxnRequest},
    v3electionpb::LeaderKey,
};
use std::fmt;

/// An election of a name, as one session sees it.
///
/// Dropping it does not resign: that is [`resign`](Election::resign), or the end of the session.
pub struct Election<K> {
    session: Session<K>,
    name: Bytes,
    line: Bytes,
    leading: Option<LeaderKey>,
    header: Option<ResponseHeader>,
}

impl<K: Kv> Election<K> {
    /// The election `name`, in which nobody stands for this session yet.
    pub fn new(session: &Session<K>, name: impl AsRef<[u8]>) -> Self {
        let name = Bytes::copy_from_slice(name.as_ref());
        Election { session: session.clone(), line: ops::line(&name), name, leading: None, header: None }
    }

    /// The election in which `leader` was won before, perhaps by another process with the same lease.
    pub fn resume(session: &Session<K>, leader: LeaderKey) -> Self {
        Election { leading: Some(leader.clone()), ..Election::new(session, &leader.name) }
    }

    /// Stands for election with something to say, and waits until it is won. If the future is dropped, the candidacy is
    /// given up. A session that stands already says something else from now on.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] when the lease ended meanwhile; any error of the store. Nobody stands then.
    pub async fn campaign(&mut self, value: impl Into<Bytes>) -> Result<(), Error<K::Error>> {
        let value = value.into();
        self.leading = None;
        let lease = self.session.lease();
        let joined = Claim::join(self.session.kv(), &self.line, lease, value.clone()).await?;
        let mut header = joined.header;
        let name = self.name.clone();
        let (key, rev) = (joined.claim.key().clone(), joined.claim.revision());
        let leader = LeaderKey { name, key, rev, lease };
        if joined.existing.is_some_and(|existing| existing.value != value) {
            header = self.say(&leader, value).await?;
        }
        if !joined.first {
            turn::wait(&self.session, &self.line, &joined.claim).await?;
        }
        if !self.session.is_alive() {
            return Err(Error::SessionExpired);
        }
        joined.claim.keep();
        (self.leading, self.header) = (Some(leader), Some(header));
        Ok(())
    }

    /// Says something else, without another election.
    ///
    /// # Errors
    /// [`Error::NotLeader`] when the leadership is over; any error of the store.
    pub async fn proclaim(&mut self, value: impl Into<Bytes>) -> Result<(), Error<K::Error>> {
        let Some(leader) = &self.leading else { return Err(Error::NotLeader) };
        match self.say(leader, value.into()).await {
            Ok(header) => self.header = Some(header),
            Err(Error::NotLeader) => {
                self.leading = None;
                return Err(Error::NotLeader);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn say(&self, leader: &LeaderKey, value: Bytes) -> Result<ResponseHeader, Error<K::Error>> {
        let request = TxnRequest {
            compare: vec![ops::created_at(leader.key.clone(), leader.rev)],
            success: vec![ops::op_put(leader.key.clone(), value, self.session.lease())],
            failure: Vec::new(),
        };
        let response = self.session.kv().txn(request).await?;
        if response.succeeded { Ok(response.header.unwrap_or_default()) } else { Err(Error::NotLeader) }
    }

    /// Gives the leadership up. Nothing happens when it is over already.
    ///
    /// # Errors
    /// Any error of the store; the leadership counts as ours still, and may be resigned again.
    pub async fn resign(&mut self) -> Result<(), Error<K::Error>> {
        let Some(leader) = &self.leading else { return Ok(()) };
        let request = ops::delete_if_created_at(leader.key.clone(), leader.rev);
        let response = self.session.kv().txn(request).await?;
        self.leading = None;
        self.header = response.header;
        Ok(())
    }

    /// Who leads now, and what it says.
    ///
    /// # Errors
    /// [`Error::NoLeader`] when nobody does; any error of the store.
    pub async fn leader(&self) -> Result<Proclamation, Error<K::Error>> {
        let found = self.session.kv().range(ops::first(&self.line)).await?;
        let kv = found.kvs.into_iter().next().ok_or(Error::NoLeader)?;
        Ok(Proclamation { header: found.header.unwrap_or_default(), kv })
    }

    /// Follows what leaders say. Needs no candidacy.
    pub fn observe(&self) -> Observer<K> {
        Observer::new(self.session.kv().clone(), self.line.clone())
    }

    /// What this session has won: enough to [`resume`](Election::resume), and with `rev` the fence, higher for each
    /// leader than for all before it.
    pub fn leader_key(&self) -> Option<&LeaderKey> {
        self.leading.as_ref()
    }

    /// A comparison that holds while this session leads, for the transactions of a leader.
    pub fn is_leader(&self) -> Option<oxetcd_api::etcdserverpb::Compare> {
        self.leading.as_ref().map(|leader| ops::created_at(leader.key.clone(), leader.rev))
    }

    /// The header of the last answer that changed something.
    pub fn header(&self) -> Option<&ResponseHeader> {
        self.header.as_ref()
    }
}

impl<K> fmt::Debug for Election<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election")
            .field("name", &self.name)
            .field("leading", &self.leading)
            .finish_non_exhaustive()
    }
}
