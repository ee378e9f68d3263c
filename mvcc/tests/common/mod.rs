//! A store with its surroundings, for tests: memory engine, leases, and what a server does around a request.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod model;
pub mod script;

use oxetcd_api::{EventBatch, LeaseId, etcdserverpb as pb};
use oxetcd_mvcc::{Compaction, LeaseBinding, Progress, Ranges, Result, Store, check};
use oxetcd_storage::{Buffer, Durability, Memory};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Leases that never expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    pub granted: BTreeSet<LeaseId>,
    pub attached: BTreeMap<Vec<u8>, LeaseId>,
}

impl LeaseBinding for Leases {
    fn exists(&self, id: LeaseId) -> bool {
        self.granted.contains(&id)
    }

    fn attach(&mut self, id: LeaseId, key: &[u8]) {
        assert_eq!(self.attached.insert(key.to_vec(), id), None, "attached twice");
    }

    fn detach(&mut self, id: LeaseId, key: &[u8]) {
        assert_eq!(self.attached.remove(key), Some(id), "not attached");
    }
}

/// What a request comes back with: the answer, or the words of its error as a client sees them.
pub type Answer<T> = Result<T, String>;

pub struct World {
    pub engine: Arc<Memory>,
    pub store: Store,
    pub leases: Leases,
    /// Everything that was ever committed, in order.
    pub events: Vec<EventBatch>,
    pub interrupted: Option<Compaction>,
}

impl Default for World {
    fn default() -> Self {
        World::open(Arc::new(Memory::new()), Leases::default(), Vec::new())
    }
}

impl World {
    /// Opens what `engine` holds.
    pub fn open(engine: Arc<Memory>, mut leases: Leases, events: Vec<EventBatch>) -> Self {
        leases.attached.clear();
        let buffer = Arc::new(Buffer::new(engine.clone()));
        let mut attach = |key: &[u8], id| leases.attach(id, key);
        let (store, interrupted) = Store::open(buffer, &mut attach).expect("memory cannot fail");
        World { engine, store, leases, events, interrupted }
    }

    pub fn commit(&self) {
        self.store.buffer().commit(Durability::Synced).expect("memory cannot fail");
    }

    /// Starts anew from what the engine has; what is still in the buffer is lost.
    pub fn crash(self) -> Self {
        World::open(self.engine, self.leases, self.events)
    }

    /// Stops cleanly and starts again; an interrupted compaction is finished.
    pub fn reopen(self) -> Self {
        self.commit();
        let mut world = self.crash();
        if let Some(compaction) = world.interrupted.take() {
            finish(compaction);
        }
        world
    }

    pub fn put(&mut self, request: &pb::PutRequest) -> Answer<pb::PutResponse> {
        check::put(request).map_err(|invalid| invalid.to_string())?;
        let answer = self.store.apply_put(&self.store.buffer().begin(), request, &mut self.leases);
        self.done(answer)
    }

    pub fn delete(&mut self, request: &pb::DeleteRangeRequest) -> Answer<pb::DeleteRangeResponse> {
        check::delete_range(request).map_err(|invalid| invalid.to_string())?;
        let answer = self.store.apply_delete_range(&self.store.buffer().begin(), request, &mut self.leases);
        self.done(answer)
    }

    pub fn txn(&mut self, request: &pb::TxnRequest) -> Answer<pb::TxnResponse> {
        check::txn(request, 128).map_err(|invalid| invalid.to_string())?;
        if check::is_read_only(request) {
            return self.store.read_txn(request).map_err(words);
        }
        let step = self.store.buffer().begin();
        let answer = self.store.apply_txn(&step, request, &mut self.leases, Ranges::Execute);
        drop(step);
        self.done(answer)
    }

    pub fn range(&self, request: &pb::RangeRequest) -> Answer<pb::RangeResponse> {
        check::range(request).map_err(|invalid| invalid.to_string())?;
        self.store.range(request).and_then(|result| result.to_message()).map_err(words)
    }

    pub fn compact(&mut self, revision: i64) -> Answer<i64> {
        let compaction = self.store.compact(&self.store.buffer().begin(), revision).map_err(words)?;
        finish(compaction);
        Ok(self.store.revision())
    }

    fn done<T>(&mut self, answer: Result<(T, Option<EventBatch>)>) -> Answer<T> {
        let (response, events) = answer.map_err(words)?;
        self.events.extend(events);
        Ok(response)
    }
}

/// Runs a compaction to its end.
pub fn finish(mut compaction: Compaction) {
    loop {
        match compaction.run_batch(7).expect("memory cannot fail") {
            Progress::More => {}
            Progress::Waiting => std::thread::yield_now(),
            Progress::Done => return,
        }
    }
}

/// An error as the server words it for clients.
pub fn words(error: oxetcd_mvcc::Error) -> String {
    match error {
        oxetcd_mvcc::Error::LeaseNotFound => "etcdserver: requested lease not found".into(),
        error if error.to_string().starts_with("mvcc:") => format!("etcdserver: {error}"),
        error => error.to_string(),
    }
}
