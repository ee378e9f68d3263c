//! The machine and its turns.
//!
//! Entries are applied in turns: a turn is one step of the write buffer, so that all that its entries change -
//! records, leases, alarms, members, and the applied index itself - reaches the engine together.

use crate::{
    Alarms, ApplyError, Effects, Failure, Kind, MemberChange, Members, Outcome, Permissions, Response, auth,
    cluster_request,
    meta::{self, Applied},
    v2_apply,
    v2_records::V2Records,
    v2_request,
};
use bytes::Bytes;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        AlarmRequest, AlarmResponse, AlarmType, CompactionRequest, CompactionResponse, DeleteRangeRequest,
        InternalRaftRequest, LeaseCheckpointRequest, LeaseGrantRequest, LeaseGrantResponse,
        LeaseRevokeRequest, LeaseRevokeResponse, PutRequest, ResponseHeader, TxnRequest,
        alarm_request::AlarmAction,
    },
};
use oxetcd_auth::{AuthError, AuthStore};
use oxetcd_lease::{LeaseBook, LeaseConfig, LeaseError};
use oxetcd_mvcc::{Compaction, LeaseBinding, Ranges, Store};
use oxetcd_storage::{Buffer, Step};
use oxetcd_v2::Tree;
use parking_lot::{Mutex, MutexGuard};
use prost::Message;
use std::sync::Arc;

/// The replicated state of one member.
pub struct Machine {
    buffer: Arc<Buffer>,
    store: Store,
    leases: Mutex<LeaseBook>,
    members: Members,
    alarms: Alarms,
    auth: AuthStore,
    v2: Mutex<Tree>,
}

impl Machine {
    /// Reads the state that `buffer` holds. The compaction beside it is one that was interrupted: it must be
    /// run on.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn open(buffer: Arc<Buffer>, leases: LeaseConfig) -> Result<(Self, Option<Compaction>), Failure> {
        let mut leases = LeaseBook::open(&buffer, leases)?;
        let (store, compaction) = Store::open(buffer.clone(), &mut |key: &[u8], lease: LeaseId| {
            // A key may name a lease that was revoked by an entry whose deletions came before it.
            let _ = leases.attach(lease, key);
        })
        .map_err(Failure::Store)?;
        let members = Members::open(&buffer)?;
        let alarms = Alarms::open(&buffer)?;
        let auth = AuthStore::open(&buffer)?;
        let v2 = Mutex::new(V2Records::in_buffer(&buffer)?.open().map_err(Failure::V2)?);
        let leases = Mutex::new(leases);
        Ok((Machine { buffer, store, leases, members, alarms, auth, v2 }, compaction))
    }

    /// The write buffer below.
    pub fn buffer(&self) -> &Arc<Buffer> {
        &self.buffer
    }

    /// Keys and values.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Leases. The lock is held for the length of a turn by whoever applies.
    pub fn leases(&self) -> &Mutex<LeaseBook> {
        &self.leases
    }

    /// Members.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Alarms.
    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Users and roles.
    pub fn auth(&self) -> &AuthStore {
        &self.auth
    }

    /// The tree of the v2 API.
    pub fn v2(&self) -> &Mutex<Tree> {
        &self.v2
    }

    /// How far the log has been applied.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn applied(&self) -> Result<Applied, Failure> {
        Ok(meta::applied(&self.buffer)?)
    }

    /// Begins a turn at `now_ms` of the member's clock. One at a time: a second one waits.
    pub fn begin(&self, now_ms: u64) -> Turn<'_> {
        let step = self.buffer.begin();
        Turn { machine: self, step, leases: self.leases.lock(), now_ms, applied: None }
    }
}

/// A run of entries whose changes reach the engine together. Its end notes how far it came.
pub struct Turn<'a> {
    machine: &'a Machine,
    step: Step<'a>,
    leases: MutexGuard<'a, LeaseBook>,
    now_ms: u64,
    applied: Option<Applied>,
}

/// The ties that the store makes, noted in the lease book.
struct Bindings<'a>(&'a mut LeaseBook);

impl LeaseBinding for Bindings<'_> {
    fn exists(&self, id: LeaseId) -> bool {
        self.0.contains(id)
    }

    fn attach(&mut self, id: LeaseId, key: &[u8]) {
        // The store asked whether it exists.
        let _ = self.0.attach(id, key);
    }

    fn detach(&mut self, _: LeaseId, key: &[u8]) {
        self.0.detach(key);
    }
}

impl Turn<'_> {
    /// Applies the entry at `at`, which holds an encoded request, or nothing (a new leader's first entry).
    /// Answers with the request's id and what came of it. `awaited` says whether somebody here waits for the
    /// answer to an id: what only the answer would show is else not worked out.
    ///
    /// # Errors
    /// When this member cannot go on.
    pub fn apply(
        &mut self,
        at: Applied,
        data: Bytes,
        awaited: &dyn Fn(u64) -> bool,
    ) -> Result<(u64, Outcome, Effects), Failure> {
        self.applied = Some(at);
        let mut effects = Effects::default();
        if data.is_empty() {
            return Ok((0, Ok(Response::Done), effects));
        }
        let damaged =
            |error: prost::DecodeError| Failure::Entry { index: at.index, message: error.to_string() };
        if let Some(request) = v2_request::decode(&data) {
            let request = request.map_err(damaged)?;
            return Ok((request.id(), v2_apply::request(self.machine, &self.step, &request), effects));
        }
        let request = InternalRaftRequest::decode(data).map_err(damaged)?;
        let id = request.header.as_ref().map_or(request.id, |header| header.id);
        effects.kind = Kind::of(&request);
        match self.dispatch(request, &|| awaited(id), &mut effects) {
            Ok(response) => Ok((id, Ok(response), effects)),
            Err(ApplyError::Store(error)) if !error.is_deterministic() => Err(Failure::Store(error)),
            Err(error) => Ok((id, Err(error), effects)),
        }
    }

    /// Applies a change of the voters and learners, as JSON, and of the members behind them; `None` for a
    /// change that was refused.
    pub fn apply_conf_change(&mut self, at: Applied, change: Option<MemberChange>, conf_state: Vec<u8>) {
        self.applied = Some(at);
        if let Some(change) = change {
            let counted = v2_apply::of_change(&change);
            self.machine.members.make(&self.step, change);
            v2_apply::members_changed(self.machine, &self.step, counted);
        }
        meta::set_conf_state(&self.step, conf_state);
    }

    fn dispatch(
        &mut self,
        request: InternalRaftRequest,
        awaited: &dyn Fn() -> bool,
        effects: &mut Effects,
    ) -> Outcome {
        let machine = self.machine;
        if machine.auth.is_enabled() {
            self.permit(&request).map_err(ApplyError::Auth)?;
        }
        if let Some(put) = &request.put {
            return self.put(put, effects);
        }
        if let Some(txn) = &request.txn {
            let ranges = if awaited() { Ranges::Execute } else { Ranges::Skip };
            return self.txn(txn, ranges, effects);
        }
        if let Some(delete) = &request.delete_range {
            return self.delete_range(delete, effects);
        }
        if let Some(range) = &request.range {
            let result = machine.store.range(range).map_err(ApplyError::Store)?;
            return Ok(Response::Range(result.to_message().map_err(ApplyError::Store)?));
        }
        if let Some(compaction) = &request.compaction {
            return self.compact(compaction, effects);
        }
        if let Some(grant) = &request.lease_grant {
            return self.grant(grant);
        }
        if let Some(revoke) = &request.lease_revoke {
            return self.revoke(revoke, effects);
        }
        if let Some(checkpoint) = &request.lease_checkpoint {
            return self.checkpoint(checkpoint);
        }
        if let Some(alarm) = &request.alarm {
            return Ok(self.alarm(alarm));
        }
        self.administer(request, effects)
    }

    /// Whether the user of a request may do what it asks.
    fn permit(&self, request: &InternalRaftRequest) -> Result<(), AuthError> {
        let permissions = Permissions::of_entry(&self.machine.auth, request.header.as_ref());
        if let Some(put) = &request.put {
            permissions.put(put, &self.leases)
        } else if let Some(txn) = &request.txn {
            permissions.txn(txn, &self.leases)
        } else if let Some(delete) = &request.delete_range {
            permissions.delete_range(delete)
        } else if let Some(range) = &request.range {
            permissions.range(range)
        } else if let Some(revoke) = &request.lease_revoke {
            permissions.end_lease(revoke.id, &self.leases)
        } else {
            // What remains is asked for by the members themselves, or was judged where it came in.
            Ok(())
        }
    }

    /// Requests that clients do not send, or seldom.
    fn administer(&mut self, request: InternalRaftRequest, effects: &mut Effects) -> Outcome {
        let machine = self.machine;
        if auth::is_auth(&request) {
            let index = self.applied.map_or(0, |at| at.index);
            return auth::apply(&machine.auth, &self.step, &request, index, &mut effects.auth);
        }
        if let Some(counted) = cluster_request::apply(&machine.members, &self.step, request) {
            v2_apply::members_changed(self.machine, &self.step, counted);
            return Ok(Response::Done);
        }
        Err(ApplyError::Unsupported("this request"))
    }

    fn put(&mut self, put: &PutRequest, effects: &mut Effects) -> Outcome {
        self.may_grow()?;
        let (response, events) = self
            .machine
            .store
            .apply_put(&self.step, put, &mut Bindings(&mut self.leases))
            .map_err(ApplyError::Store)?;
        effects.events = events;
        Ok(Response::Put(response))
    }

    fn txn(&mut self, txn: &TxnRequest, ranges: Ranges, effects: &mut Effects) -> Outcome {
        self.may_write()?;
        if txn_grows(txn) {
            self.may_grow()?;
        }
        let (response, events) = self
            .machine
            .store
            .apply_txn(&self.step, txn, &mut Bindings(&mut self.leases), ranges)
            .map_err(ApplyError::Store)?;
        effects.events = events;
        Ok(Response::Txn(response))
    }

    fn delete_range(&mut self, delete: &DeleteRangeRequest, effects: &mut Effects) -> Outcome {
        self.may_write()?;
        let (response, events) = self
            .machine
            .store
            .apply_delete_range(&self.step, delete, &mut Bindings(&mut self.leases))
            .map_err(ApplyError::Store)?;
        effects.events = events;
        Ok(Response::DeleteRange(response))
    }

    fn compact(&mut self, request: &CompactionRequest, effects: &mut Effects) -> Outcome {
        self.may_write()?;
        let compaction =
            self.machine.store.compact(&self.step, request.revision).map_err(ApplyError::Store)?;
        effects.compaction = Some(compaction);
        Ok(Response::Compaction(CompactionResponse { header: self.header() }))
    }

    fn grant(&mut self, grant: &LeaseGrantRequest) -> Outcome {
        self.may_grow()?;
        let ttl = self.leases.grant(&self.step, self.now_ms, grant.id, grant.ttl).map_err(refusal)?;
        let header = self.header();
        Ok(Response::LeaseGrant(LeaseGrantResponse { header, id: grant.id, ttl, error: String::new() }))
    }

    /// Ends a lease: all its keys go in one revision.
    fn revoke(&mut self, revoke: &LeaseRevokeRequest, effects: &mut Effects) -> Outcome {
        self.may_write()?;
        let keys = self.leases.revoke(&self.step, revoke.id).map_err(refusal)?;
        if !keys.is_empty() {
            let mut bindings = Bindings(&mut self.leases);
            let mut txn = self.machine.store.begin(&self.step, &mut bindings);
            for key in keys {
                txn.delete_range(&key, &[]).map_err(ApplyError::Store)?;
            }
            effects.events = txn.end();
        }
        Ok(Response::LeaseRevoke(LeaseRevokeResponse { header: self.header() }))
    }

    fn checkpoint(&mut self, request: &LeaseCheckpointRequest) -> Outcome {
        for checkpoint in &request.checkpoints {
            self.leases.apply_checkpoint(&self.step, checkpoint.id, checkpoint.remaining_ttl);
        }
        Ok(Response::Done)
    }

    fn alarm(&mut self, request: &AlarmRequest) -> Response {
        let alarms = &self.machine.alarms;
        let kind = AlarmType::try_from(request.alarm).ok().filter(|kind| *kind != AlarmType::None);
        let member = oxetcd_api::etcdserverpb::AlarmMember {
            member_id: request.member_id,
            alarm: kind.map_or(0, |kind| kind as i32),
        };
        let alarms = match AlarmAction::try_from(request.action) {
            Ok(AlarmAction::Get) => alarms.list(kind),
            Ok(AlarmAction::Activate) if kind.is_some() => vec![alarms.raise(&self.step, member)],
            Ok(AlarmAction::Deactivate) => alarms.disarm(&self.step, member).into_iter().collect(),
            _ => Vec::new(),
        };
        Response::Alarm(AlarmResponse { header: self.header(), alarms })
    }

    fn header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: self.machine.store.revision(), ..Default::default() })
    }

    fn may_write(&self) -> Result<(), ApplyError> {
        if self.machine.alarms.corrupt() { Err(ApplyError::Corrupt) } else { Ok(()) }
    }

    fn may_grow(&self) -> Result<(), ApplyError> {
        self.may_write()?;
        if self.machine.alarms.no_space() { Err(ApplyError::NoSpace) } else { Ok(()) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(applied) = self.applied {
            meta::set_applied(&self.step, applied);
        }
    }
}

/// Whether a transaction may put something.
fn txn_grows(txn: &TxnRequest) -> bool {
    use oxetcd_api::etcdserverpb::request_op::Request;
    txn.success.iter().chain(&txn.failure).any(|op| match &op.request {
        Some(Request::RequestPut(_)) => true,
        Some(Request::RequestTxn(txn)) => txn_grows(txn),
        _ => false,
    })
}

fn refusal(error: LeaseError) -> ApplyError {
    match error {
        LeaseError::Exists => ApplyError::LeaseExists,
        LeaseError::TtlTooLarge => ApplyError::LeaseTtlTooLarge,
        LeaseError::NotFound | LeaseError::NotPrimary | LeaseError::Expired => ApplyError::LeaseNotFound,
    }
}
