//! Software transactional memory: a function over the store that runs as if it were alone.
//!
//! The function reads and writes through a [`Stm`], which notes what was read and keeps what is written to itself. At the
//! end one transaction of the store compares what was read with what is there, and writes if nothing stands in the way;
//! otherwise the function runs again, on new data. So it may run several times, and must have no other effects.

use crate::{Error, Kv, ops};
use bytes::Bytes;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{Compare, RangeRequest, RequestOp, TxnRequest, TxnResponse, compare::CompareResult},
    mvccpb::KeyValue,
};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How much of the others a transaction may notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// All reads see one moment. Nothing that was read or is written has changed since then when it commits.
    #[default]
    SerializableSnapshot,
    /// All reads see one moment. Nothing that was read has changed since then when it commits.
    Serializable,
    /// What was read once reads the same again, and has not changed when it commits. Different keys may be of
    /// different moments while it runs.
    RepeatableReads,
    /// Only committed values are read; they may have changed when it commits.
    ReadCommitted,
}

impl Isolation {
    fn is_of_one_moment(self) -> bool {
        matches!(self, Isolation::SerializableSnapshot | Isolation::Serializable)
    }
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed<T> {
    /// What the function returned when it ran for the last time.
    pub value: T,
    /// The answer to the transaction of the store that wrote.
    pub response: TxnResponse,
}

/// The store, as a function inside [`transact`] sees it: a handle to one run of the function.
pub struct Stm<K> {
    kv: K,
    isolation: Isolation,
    attempt: Arc<Mutex<Attempt>>,
    /// One read of the store at a time: the first settles what the others see.
    reading: Arc<futures::lock::Mutex<()>>,
}

/// What one run has read and wants to write.
#[derive(Default)]
struct Attempt {
    reads: BTreeMap<Bytes, Option<KeyValue>>,
    /// What an attempt that failed has read again: known without asking, at revision `base`.
    known: BTreeMap<Bytes, Option<KeyValue>>,
    writes: BTreeMap<Bytes, Write>,
    /// The moment that all reads see; 0 until the first.
    base: i64,
    /// Lowest revision at which anything was read.
    first: Option<i64>,
}

enum Write {
    Put(Bytes, LeaseId),
    Delete,
}

/// Runs `body` until what it read and wrote can be committed together.
///
/// ```
/// # use oxetcd_concurrency::{Error, Isolation, Kv, transact};
/// # async fn example<K: Kv>(kv: &K) -> Result<(), Error<K::Error>> {
/// transact(kv, Isolation::default(), |stm| async move {
///     let from = stm.get("from").await?.unwrap_or_default();
///     stm.put("to", from);
///     stm.delete("from");
///     Ok::<_, Error<K::Error>>(())
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `body` returns, and any error of the store. Nothing was written then, unless the error is of the commit
/// itself and leaves that open.
pub async fn transact<K, T, E, F, Fut>(kv: &K, isolation: Isolation, mut body: F) -> Result<Committed<T>, E>
where
    K: Kv,
    E: From<Error<K::Error>>,
    F: FnMut(Stm<K>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut attempt = Attempt::default();
    loop {
        let stm = Stm {
            kv: kv.clone(),
            isolation,
            attempt: Arc::new(Mutex::new(attempt)),
            reading: Arc::default(),
        };
        let value = body(stm.handle()).await?;
        match stm.commit().await? {
            Outcome::Committed(response) => return Ok(Committed { value, response }),
            Outcome::Again(next) => attempt = next,
        }
    }
}

enum Outcome {
    Committed(TxnResponse),
    Again(Attempt),
}

impl<K: Kv> Stm<K> {
    fn handle(&self) -> Self {
        Stm {
            kv: self.kv.clone(),
            isolation: self.isolation,
            attempt: self.attempt.clone(),
            reading: self.reading.clone(),
        }
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key: what this transaction wrote, or else what the store holds. `None` when there is none.
    ///
    /// # Errors
    /// Any error of the store.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Bytes>, Error<K::Error>> {
        let key = key.into();
        let written = self.attempt().writes.get(&key).map(Write::value);
        match written {
            Some(value) => Ok(value),
            None => Ok(self.fetch(key).await?.map(|kv| kv.value)),
        }
    }

    /// The revision of a key's last change in the store; 0 when there is no such key. What this transaction wrote does not
    /// count.
    ///
    /// # Errors
    /// Any error of the store.
    pub async fn revision(&self, key: impl Into<Bytes>) -> Result<i64, Error<K::Error>> {
        Ok(self.fetch(key.into()).await?.map_or(0, |kv| kv.mod_revision))
    }

    /// Writes a key, on commit.
    pub fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.put_with_lease(key, value, 0);
    }

    /// Writes a key that goes with a lease, on commit.
    pub fn put_with_lease(&self, key: impl Into<Bytes>, value: impl Into<Bytes>, lease: LeaseId) {
        self.attempt().writes.insert(key.into(), Write::Put(value.into(), lease));
    }

    /// Deletes a key, on commit.
    pub fn delete(&self, key: impl Into<Bytes>) {
        self.attempt().writes.insert(key.into(), Write::Delete);
    }

    async fn fetch(&self, key: Bytes) -> Result<Option<KeyValue>, Error<K::Error>> {
        let _one_at_a_time = self.reading.lock().await;
        let base = {
            let mut attempt = self.attempt();
            if let Some(read) = attempt.reads.get(&key) {
                return Ok(read.clone());
            }
            if let Some(known) = attempt.known.remove(&key) {
                let base = attempt.base;
                attempt.note(key, known.clone(), base);
                return Ok(known);
            }
            attempt.base
        };
        let one_moment = self.isolation.is_of_one_moment();
        let revision = if one_moment { base } else { 0 };
        let request = RangeRequest { revision, serializable: !one_moment, ..ops::get(key.clone()) };
        let response = self.kv.range(request).await?;
        let now = response.header.map_or(0, |header| header.revision);
        let found = response.kvs.into_iter().next();
        self.attempt().note(key, found.clone(), if revision == 0 { now } else { revision });
        Ok(found)
    }

    /// Commits, or says with what to begin anew: that which was read, read again.
    async fn commit(&self) -> Result<Outcome, Error<K::Error>> {
        let one_moment = self.isolation.is_of_one_moment();
        let (request, keys) = {
            let attempt = self.attempt();
            let keys: Vec<Bytes> = attempt.reads.keys().filter(|_| one_moment).cloned().collect();
            let again = keys.iter().map(|key| ops::op_range(ops::get(key.clone()))).collect();
            let compare = attempt.conflicts(self.isolation);
            (TxnRequest { compare, success: attempt.write_ops(), failure: again }, keys)
        };
        let response = self.kv.txn(request).await?;
        if response.succeeded {
            return Ok(Outcome::Committed(response));
        }
        let mut next = Attempt::default();
        if one_moment {
            next.base = response.header.map_or(0, |header| header.revision);
            for (key, answer) in keys.into_iter().zip(&response.responses) {
                let found = ops::range_of(Some(answer)).and_then(|range| range.kvs.first()).cloned();
                next.known.insert(key, found);
            }
        }
        Ok(Outcome::Again(next))
    }
}

impl Write {
    fn value(&self) -> Option<Bytes> {
        match self {
            Write::Put(value, _) => Some(value.clone()),
            Write::Delete => None,
        }
    }
}

impl Attempt {
    /// The store held this at `revision`.
    fn note(&mut self, key: Bytes, found: Option<KeyValue>, revision: i64) {
        if self.base == 0 {
            self.base = revision;
        }
        self.first = Some(self.first.map_or(revision, |first| first.min(revision)));
        self.reads.insert(key, found);
    }

    /// What must hold for the writes to be done.
    fn conflicts(&self, isolation: Isolation) -> Vec<Compare> {
        let read = self.reads.iter().map(|(key, found)| {
            let revision = found.as_ref().map_or(0, |kv| kv.mod_revision);
            ops::changed(key.clone(), CompareResult::Equal, revision)
        });
        let written = self.writes.keys().filter_map(|key| {
            // Without a read there is no moment since when it could have changed.
            Some(ops::changed(key.clone(), CompareResult::Less, self.first? + 1))
        });
        match isolation {
            Isolation::SerializableSnapshot => read.chain(written).collect(),
            Isolation::Serializable | Isolation::RepeatableReads => read.collect(),
            Isolation::ReadCommitted => Vec::new(),
        }
    }

    fn write_ops(&self) -> Vec<RequestOp> {
        let op = |(key, write): (&Bytes, &Write)| match write {
            Write::Put(value, lease) => ops::op_put(key.clone(), value.clone(), *lease),
            Write::Delete => ops::op_delete(key.clone()),
        };
        self.writes.iter().map(op).collect()
    }
}

impl<K> fmt::Debug for Stm<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stm").field("isolation", &self.isolation).finish_non_exhaustive()
    }
}
