//! The member as a store for locks and elections.
//!
//! [`oxetcd_concurrency`] needs a store and does not care where it is. Here it is this very member: each call goes through the
//! services that clients use, without a network between. Who the caller is comes with the outer request, in its metadata and
//! extensions, and is put on every inner one. So what these services check, rights above all, is checked for locks too.

use super::{KvService, LeaseService, Others, Propose, Read, WatchService};
use crate::access::{self, Credentials};
use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        DeleteRangeRequest, DeleteRangeResponse, LeaseGrantRequest, RangeRequest, RangeResponse, TxnRequest,
        TxnResponse, WatchCreateRequest, WatchRequest, WatchResponse, watch_request::RequestUnion,
    },
};
use oxetcd_concurrency::{Error, Kv, Session};
use oxetcd_grpc::etcdserverpb::{kv_server::Kv as _, lease_server::Lease as _, watch_client::WatchClient};
use std::{convert::Infallible, sync::Arc};
use tonic::{Extensions, Request, Status, metadata::MetadataMap};

/// TTL of a lease that is made for a caller who brings none, in seconds.
const TTL_S: i64 = 60;
/// What making a lease is called at the gate.
const GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";
/// These say how the *outer* message travels.
const OF_THE_WIRE: [&str; 2] = ["grpc-encoding", "grpc-accept-encoding"];

/// The member, on behalf of one caller.
pub(crate) struct LocalKv<M> {
    member: Arc<M>,
    watch: WatchService<M>,
    caller: Arc<(MetadataMap, Extensions)>,
}

// Not derived: a member need not be cloneable.
impl<M> Clone for LocalKv<M> {
    fn clone(&self) -> Self {
        LocalKv { member: self.member.clone(), watch: self.watch.clone(), caller: self.caller.clone() }
    }
}

impl<M: Propose + Read + Others> LocalKv<M> {
    /// The member, on behalf of nobody yet: see [`LocalKv::for_caller`].
    pub(crate) fn new(member: Arc<M>, watch: WatchService<M>) -> Self {
        LocalKv { member, watch, caller: Arc::default() }
    }

    /// The same on behalf of whoever sent `request`, and what it says.
    pub(super) fn for_caller<T>(&self, request: Request<T>) -> (Self, T) {
        let (mut metadata, extensions, message) = request.into_parts();
        for name in OF_THE_WIRE {
            metadata.remove(name);
        }
        (LocalKv { caller: Arc::new((metadata, extensions)), ..self.clone() }, message)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let (metadata, extensions) = &*self.caller;
        Request::from_parts(metadata.clone(), extensions.clone(), message)
    }

    /// A session over the caller's lease, or over a new one if it brings none. Nobody here keeps it alive: that is up to the
    /// caller, who learns the lease's id from the key.
    pub(super) async fn session(self, lease: LeaseId) -> Result<Session<Self>, Status> {
        let lease = if lease == 0 { self.grant().await? } else { lease };
        Ok(Session::detached(self, lease))
    }

    async fn grant(&self) -> Result<LeaseId, Status> {
        // Only users may: the services leave that to the gate, which knows the outer method only.
        let shown = self.caller.1.get::<Credentials>();
        access::admit(&*self.member, GRANT, shown).await.map_err(in_reference_code)?;
        let request = self.request(LeaseGrantRequest { ttl: TTL_S, id: 0 });
        let granted = LeaseService(self.member.clone()).lease_grant(request).await;
        granted.map(|granted| granted.into_inner().id).map_err(in_reference_code)
    }

    /// Deletes one key.
    pub(super) async fn delete(&self, key: bytes::Bytes) -> Result<DeleteRangeResponse, Status> {
        let request = self.request(DeleteRangeRequest { key, ..Default::default() });
        let deleted = KvService(self.member.clone()).delete_range(request).await;
        deleted.map(tonic::Response::into_inner).map_err(in_reference_code)
    }
}

impl<M: Propose + Read + Others> Kv for LocalKv<M> {
    type Error = Status;

    fn range(&self, request: RangeRequest) -> BoxFuture<'static, Result<RangeResponse, Status>> {
        let (kv, request) = (KvService(self.member.clone()), self.request(request));
        async move { Ok(kv.range(request).await?.into_inner()) }.boxed()
    }

    fn txn(&self, request: TxnRequest) -> BoxFuture<'static, Result<TxnResponse, Status>> {
        let (kv, request) = (KvService(self.member.clone()), self.request(request));
        async move { Ok(kv.txn(request).await?.into_inner()) }.boxed()
    }

    fn watch(&self, request: WatchCreateRequest) -> BoxStream<'static, Result<WatchResponse, Status>> {
        let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(request)) };
        // The end of the requests would be the end of the watch.
        let requests = self.request(stream::once(future::ready(create)).chain(stream::pending()));
        let watch = self.watch.clone();
        let service = tower::service_fn(move |request| {
            let watch = watch.clone();
            async move { Ok::<_, Infallible>(watch.answer(request).await) }
        });
        let opened = async move {
            let mut client = WatchClient::new(service).max_decoding_message_size(usize::MAX);
            Ok::<_, Status>(client.watch(requests).await?.into_inner())
        };
        opened.try_flatten_stream().try_filter_map(|answer| future::ready(change(answer))).boxed()
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }
}

/// What an answer says of the watched range; nothing when it only says that the watch has begun.
fn change(answer: WatchResponse) -> Result<Option<WatchResponse>, Status> {
    match answer.canceled {
        true if answer.compact_revision == 0 => Err(Status::unknown(answer.cancel_reason)),
        false if answer.created => Ok(None),
        _ => Ok(Some(answer)),
    }
}

/// The reference runs these services over its own client library, and what that has made of an error reaches the caller
/// with its text, but without its code.
pub(super) fn failure(error: Error<Status>) -> Status {
    match error {
        Error::Store(status) => in_reference_code(status),
        error => Status::unknown(error.to_string()),
    }
}

fn in_reference_code(status: Status) -> Status {
    Status::unknown(status.message())
}
