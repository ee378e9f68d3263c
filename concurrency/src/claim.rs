//! A place in a line.
//!
//! Whoever wants a lock puts a key of its own into the line; the oldest key holds. The care is in giving up: a future can
//! be dropped at any await, and its key must not stay behind, or everybody after it waits for a lease to end.
//! So the key is put by a task of its own, which is never dropped half way, and what comes out is a [`Claim`], which
//! takes the key back unless it is kept.

use crate::{Error, Kv, ops};
use bytes::Bytes;
use futures::{FutureExt, channel::oneshot};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{ResponseHeader, TxnRequest},
    mvccpb::KeyValue,
};

/// A key in a line. Dropped, it is taken back, if it was made by this claim.
pub(crate) struct Claim<K: Kv> {
    kv: K,
    key: Bytes,
    revision: i64,
    ours: bool,
}

/// What was found on joining a line.
pub(crate) struct Joined<K: Kv> {
    pub(crate) claim: Claim<K>,
    pub(crate) header: ResponseHeader,
    /// The key as it was, if this session stood in the line already.
    pub(crate) existing: Option<KeyValue>,
    /// Whether nobody stands before us.
    pub(crate) first: bool,
}

impl<K: Kv> Claim<K> {
    /// Puts the key of `lease` into `line`, unless it is there already.
    pub(crate) async fn join(
        kv: &K,
        line: &Bytes,
        lease: LeaseId,
        value: Bytes,
    ) -> Result<Joined<K>, Error<K::Error>> {
        let (sender, receiver) = oneshot::channel();
        let (task_kv, line) = (kv.clone(), line.clone());
        let work = async move {
            // If nobody waits for it any more, what was joined is dropped here, and its key taken back.
            let _ = sender.send(enter(task_kv, line, lease, value).await);
        };
        kv.spawn(work.boxed());
        receiver.await.unwrap_or(Err(Error::Canceled))
    }

    pub(crate) fn key(&self) -> &Bytes {
        &self.key
    }

    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    /// The key stays.
    pub(crate) fn keep(mut self) -> (Bytes, i64) {
        self.ours = false;
        (self.key.clone(), self.revision)
    }

    /// Takes the key back, and waits until that is done.
    pub(crate) async fn withdraw(mut self) -> Result<(), Error<K::Error>> {
        if self.ours {
            self.kv.txn(ops::delete_if_created_at(self.key.clone(), self.revision)).await?;
            self.ours = false;
        }
        Ok(())
    }
}

impl<K: Kv> Drop for Claim<K> {
    fn drop(&mut self) {
        if self.ours {
            let delete = self.kv.txn(ops::delete_if_created_at(self.key.clone(), self.revision));
            // If this fails too, the key goes with its lease.
            self.kv.spawn(delete.map(drop).boxed());
        }
    }
}

async fn enter<K: Kv>(
    kv: K,
    line: Bytes,
    lease: LeaseId,
    value: Bytes,
) -> Result<Joined<K>, Error<K::Error>> {
    let key = ops::key_of(&line, lease);
    let first = ops::op_range(ops::first(&line));
    let request = TxnRequest {
        compare: vec![ops::created_at(key.clone(), 0)],
        success: vec![ops::op_put(key.clone(), value, lease), first.clone()],
        failure: vec![ops::op_range(ops::get(key.clone())), first],
    };
    let response = kv.txn(request).await?;
    let header = response.header.unwrap_or_default();
    let existing = match response.succeeded {
        true => None,
        false => ops::range_of(response.responses.first()).and_then(|range| range.kvs.first()).cloned(),
    };
    let revision = existing.as_ref().map_or(header.revision, |kv| kv.create_revision);
    let claim = Claim { kv, key, revision, ours: response.succeeded };
    let oldest = ops::range_of(response.responses.get(1)).and_then(|range| range.kvs.first());
    let first = oldest.is_none_or(|oldest| oldest.create_revision == revision);
    Ok(Joined { claim, header, existing, first })
}
