//! A store in memory that forgets nothing: each revision can be looked at later.

use crate::scheduler::Left;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream, stream::BoxStream};
use oxetcd_api::{
    KeyRange, LeaseId,
    etcdserverpb::{
        Compare, DeleteRangeResponse, PutResponse, RangeRequest, RangeResponse, RequestOp, ResponseHeader,
        ResponseOp, TxnRequest, TxnResponse, WatchCreateRequest, WatchResponse,
        compare::{CompareResult, TargetUnion},
        range_request::SortOrder,
        request_op::Request,
        response_op::Response,
    },
    mvccpb::{Event, KeyValue, event::EventType},
};
use oxetcd_concurrency::{Kv, Leases, Renewal};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};

pub(crate) type Keys = BTreeMap<Bytes, KeyValue>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoLease;

impl fmt::Display for NoLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("requested lease not found")
    }
}

impl std::error::Error for NoLease {}

#[derive(Clone)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
    left: Left,
}

struct State {
    /// The keys as of each revision.
    revisions: Vec<Keys>,
    events: Vec<Event>,
    leases: BTreeSet<LeaseId>,
    next_lease: LeaseId,
    /// For how long a renewal is good.
    valid: Duration,
}

/// Lets another task go first.
pub(crate) async fn pause() {
    let mut paused = false;
    futures::future::poll_fn(|_| {
        if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn matches(compare: &Compare, keys: &Keys) -> bool {
    let kv = keys.get(&compare.key);
    let (found, wanted) = match compare.target_union {
        Some(TargetUnion::CreateRevision(wanted)) => (kv.map_or(0, |kv| kv.create_revision), wanted),
        Some(TargetUnion::ModRevision(wanted)) => (kv.map_or(0, |kv| kv.mod_revision), wanted),
        _ => panic!("not needed here"),
    };
    match compare.result() {
        CompareResult::Equal => found == wanted,
        CompareResult::Less => found < wanted,
        _ => panic!("not needed here"),
    }
}

fn read(request: &RangeRequest, keys: &Keys) -> RangeResponse {
    let range = KeyRange::new(request.key.clone(), request.range_end.clone());
    let mut kvs: Vec<_> = keys.values().filter(|kv| range.contains(&kv.key)).cloned().collect();
    kvs.retain(|kv| request.max_create_revision == 0 || kv.create_revision <= request.max_create_revision);
    match request.sort_order() {
        SortOrder::None => {}
        SortOrder::Ascend => kvs.sort_by_key(|kv| kv.create_revision),
        SortOrder::Descend => kvs.sort_by_key(|kv| -kv.create_revision),
    }
    kvs.truncate(if request.limit == 0 { usize::MAX } else { request.limit as usize });
    RangeResponse { kvs, ..RangeResponse::default() }
}

impl State {
    fn revision(&self) -> i64 {
        self.revisions.len() as i64 - 1
    }

    fn keys(&self) -> &Keys {
        self.revisions.last().unwrap()
    }

    fn header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: self.revision(), ..ResponseHeader::default() })
    }

    fn txn(&mut self, txn: &TxnRequest) -> Result<TxnResponse, NoLease> {
        let succeeded = txn.compare.iter().all(|compare| matches(compare, self.keys()));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let known = |op: &RequestOp| match &op.request {
            Some(Request::RequestPut(put)) => put.lease == 0 || self.leases.contains(&put.lease),
            _ => true,
        };
        if !ops.iter().all(known) {
            return Err(NoLease);
        }
        let (mut keys, revision) = (self.keys().clone(), self.revision() + 1);
        let mut events = Vec::new();
        let responses = ops.iter().map(|op| apply(op, &mut keys, revision, &mut events)).collect();
        self.commit(keys, events);
        Ok(TxnResponse { header: self.header(), succeeded, responses })
    }

    fn commit(&mut self, keys: Keys, events: Vec<Event>) {
        if !events.is_empty() {
            self.revisions.push(keys);
            self.events.extend(events);
        }
    }
}

fn apply(op: &RequestOp, keys: &mut Keys, revision: i64, events: &mut Vec<Event>) -> ResponseOp {
    let response = match op.request.as_ref().unwrap() {
        Request::RequestRange(range) => Response::ResponseRange(read(range, keys)),
        Request::RequestPut(put) => {
            let create_revision = keys.get(&put.key).map_or(revision, |kv| kv.create_revision);
            let kv = KeyValue {
                key: put.key.clone(),
                value: put.value.clone(),
                lease: put.lease,
                create_revision,
                mod_revision: revision,
                version: 1,
            };
            keys.insert(put.key.clone(), kv.clone());
            events.push(Event { kv: Some(kv), ..Event::default() });
            Response::ResponsePut(PutResponse::default())
        }
        Request::RequestDeleteRange(delete) => {
            if keys.remove(&delete.key).is_some() {
                events.push(deletion(delete.key.clone(), revision));
            }
            Response::ResponseDeleteRange(DeleteRangeResponse::default())
        }
        Request::RequestTxn(_) => panic!("not needed here"),
    };
    ResponseOp { response: Some(response) }
}

fn deletion(key: Bytes, revision: i64) -> Event {
    let kv = KeyValue { key, mod_revision: revision, ..KeyValue::default() };
    Event { r#type: EventType::Delete.into(), kv: Some(kv), ..Event::default() }
}

impl Memory {
    pub(crate) fn new(left: &Left) -> Self {
        let state = State {
            revisions: vec![Keys::new(), Keys::new()],
            events: Vec::new(),
            leases: BTreeSet::new(),
            next_lease: 0,
            valid: Duration::from_secs(3600),
        };
        Memory { state: Arc::new(Mutex::new(state)), left: left.clone() }
    }

    /// A lease that nobody asked for over the trait.
    pub(crate) fn lease(&self) -> LeaseId {
        let mut state = self.state.lock().unwrap();
        state.next_lease += 1;
        let id = state.next_lease;
        state.leases.insert(id);
        id
    }

    /// From now on renewals come so late that they say nothing any more.
    pub(crate) fn lapse(&self) {
        self.state.lock().unwrap().valid = Duration::ZERO;
    }

    /// Ends a lease, and the keys attached to it.
    pub(crate) fn expire(&self, lease: LeaseId) {
        let mut state = self.state.lock().unwrap();
        state.leases.remove(&lease);
        let (mut keys, revision) = (state.keys().clone(), state.revision() + 1);
        let gone: Vec<_> = keys.values().filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect();
        keys.retain(|_, kv| kv.lease != lease);
        state.commit(keys, gone.into_iter().map(|key| deletion(key, revision)).collect());
    }

    pub(crate) fn lives(&self, lease: LeaseId) -> bool {
        self.state.lock().unwrap().leases.contains(&lease)
    }

    /// A write from outside.
    pub(crate) fn set(&self, key: &'static str, value: u64) {
        let put = oxetcd_api::etcdserverpb::PutRequest {
            key: key.into(),
            value: value.to_string().into(),
            ..Default::default()
        };
        let op = RequestOp { request: Some(Request::RequestPut(put)) };
        let txn = TxnRequest { success: vec![op], ..TxnRequest::default() };
        self.state.lock().unwrap().txn(&txn).unwrap();
    }

    /// The keys as they are.
    pub(crate) fn keys(&self) -> Keys {
        self.state.lock().unwrap().keys().clone()
    }

    /// The keys as of each revision.
    pub(crate) fn revisions(&self) -> Vec<Keys> {
        self.state.lock().unwrap().revisions.clone()
    }
}

impl Kv for Memory {
    type Error = NoLease;

    fn range(&self, request: RangeRequest) -> BoxFuture<'static, Result<RangeResponse, NoLease>> {
        let this = self.clone();
        async move {
            pause().await;
            let answer = {
                let state = this.state.lock().unwrap();
                let at = if request.revision == 0 { state.revision() } else { request.revision };
                RangeResponse { header: state.header(), ..read(&request, &state.revisions[at as usize]) }
            };
            pause().await;
            Ok(answer)
        }
        .boxed()
    }

    fn txn(&self, request: TxnRequest) -> BoxFuture<'static, Result<TxnResponse, NoLease>> {
        let this = self.clone();
        async move {
            pause().await;
            let answer = this.state.lock().unwrap().txn(&request);
            pause().await;
            answer
        }
        .boxed()
    }

    fn watch(&self, request: WatchCreateRequest) -> BoxStream<'static, Result<WatchResponse, NoLease>> {
        let (this, mut from) = (self.clone(), request.start_revision);
        let range = KeyRange::new(request.key, request.range_end);
        stream::poll_fn(move |_| {
            let state = this.state.lock().unwrap();
            let revision_of = |event: &Event| event.kv.as_ref().unwrap().mod_revision;
            let fits = |event: &&Event| {
                revision_of(event) >= from && range.contains(&event.kv.as_ref().unwrap().key)
            };
            let events: Vec<_> = state.events.iter().filter(fits).cloned().collect();
            from = state.revision() + 1;
            match events.is_empty() {
                true => Poll::Pending,
                false => Poll::Ready(Some(Ok(WatchResponse {
                    header: state.header(),
                    events,
                    ..Default::default()
                }))),
            }
        })
        .boxed()
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.left.lock().unwrap().push(work);
    }
}

impl Leases for Memory {
    fn grant(&self, _: i64) -> BoxFuture<'static, Result<LeaseId, NoLease>> {
        let this = self.clone();
        async move { Ok(this.lease()) }.boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxStream<'static, Renewal> {
        let (this, mut first) = (self.clone(), true);
        stream::poll_fn(move |_| match (this.lives(lease), std::mem::take(&mut first)) {
            (false, _) => Poll::Ready(None),
            (true, true) => {
                Poll::Ready(Some(Renewal { valid_until: Instant::now() + this.state.lock().unwrap().valid }))
            }
            (true, false) => Poll::Pending,
        })
        .boxed()
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'static, Result<(), NoLease>> {
        self.expire(lease);
        async { Ok(()) }.boxed()
    }
}
