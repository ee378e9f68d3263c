//! The lease service. Granting and revoking go through the log; renewing does not: only the leader's book counts
//! time (see [`lease_leader`]), and its successor gives every lease a little more.

use super::{
    Others, Propose, Read, header,
    lease_leader::{self, Refusal},
};
use crate::{
    access::{self, AsUser},
    status,
};
use futures::{Stream, StreamExt};
use http::Extensions;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        InternalRaftRequest, LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest,
        LeaseKeepAliveResponse, LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest,
        LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
    },
};
use oxetcd_auth::AuthError;
use oxetcd_grpc::etcdserverpb::lease_server::Lease;
use oxetcd_machine::Response as Applied;
use std::{pin::Pin, sync::Arc};
use tonic::{Request, Response, Status, Streaming};

/// The lease service over a member.
pub(crate) struct LeaseService<M>(pub(crate) Arc<M>);

/// The id of a lease nobody named: positive, as clients expect.
fn free_id<M: Propose>(member: &M) -> LeaseId {
    loop {
        let id = (member.next_id() & i64::MAX as u64) as LeaseId;
        if id != 0 {
            return id;
        }
    }
}

/// Whether the caller may renew a lease: whoever may not write its keys has no say in how long they live.
async fn may_renew<M: Read>(member: &M, id: LeaseId, extensions: &Extensions) -> Result<(), Status> {
    if !member.machine().auth().is_enabled() {
        return Ok(());
    }
    let caller = access::caller(member, extensions).await?.ok_or_else(status::user_empty)?;
    let machine = member.machine();
    let permissions = access::permissions(&machine, Some(caller));
    let may = permissions.end_lease(id, &machine.leases().lock());
    may.map_err(|error| status::of_auth(&error))
}

/// Whether the caller may see the keys of these leases. Answers with the revision at which that is so.
async fn may_see<M: Read>(
    member: &M,
    ids: Option<LeaseId>,
    extensions: &Extensions,
) -> Result<Option<u64>, Status> {
    if !member.machine().auth().is_enabled() {
        return Ok(None);
    }
    let caller = access::caller(member, extensions).await?.ok_or_else(status::user_empty)?;
    let machine = member.machine();
    let revision = machine.auth().revision();
    let permissions = access::permissions(&machine, Some(caller));
    let leases = machine.leases().lock();
    let ids = ids.map_or_else(|| leases.list(), |id| vec![id]);
    let may = ids.into_iter().try_for_each(|id| permissions.see_lease(id, &leases));
    may.map_err(|error| status::of_auth(&error))?;
    Ok(Some(revision))
}

async fn keep_alive<M: Propose + Read + Others>(
    member: &M,
    id: LeaseId,
    extensions: &Extensions,
) -> Result<LeaseKeepAliveResponse, Status> {
    may_renew(member, id, extensions).await?;
    // The header is of before the renewal, so that it never promises more than was seen.
    let header = header::complete(member, None);
    let ttl = match lease_leader::renew(member, id).await {
        Ok(ttl) => ttl,
        Err(Refusal::NotFound) => 0,
        Err(Refusal::Failed(status)) => return Err(status),
        Err(Refusal::NotNow(_)) => return Err(status::not_primary()),
    };
    Ok(LeaseKeepAliveResponse { header, id, ttl })
}

type KeepAlives = Pin<Box<dyn Stream<Item = Result<LeaseKeepAliveResponse, Status>> + Send>>;

#[tonic::async_trait]
impl<M: Propose + Read + Others> Lease for LeaseService<M> {
    async fn lease_grant(
        &self,
        request: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        let (_, extensions, mut grant) = request.into_parts();
        if grant.id == 0 {
            grant.id = free_id(&*self.0);
        }
        super::quota::check(&*self.0, super::quota::LEASE_BYTES).await?;
        let caller = access::caller(&*self.0, &extensions).await?;
        let request = InternalRaftRequest { lease_grant: Some(grant), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::LeaseGrant(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        let (_, extensions, revoke) = request.into_parts();
        let caller = access::caller(&*self.0, &extensions).await?;
        let request = InternalRaftRequest { lease_revoke: Some(revoke), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::LeaseRevoke(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    type LeaseKeepAliveStream = KeepAlives;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<KeepAlives>, Status> {
        let member = self.0.clone();
        let (_, extensions, requests) = request.into_parts();
        let extensions = Arc::new(extensions);
        let answers = requests.then(move |request| {
            let (member, extensions) = (member.clone(), extensions.clone());
            async move {
                let request = request.inspect_err(|status| {
                    if !status::client_left(status) {
                        member.metrics().network.stream_failed("receive", "lease-keepalive");
                    }
                })?;
                keep_alive(&*member, request.id, &extensions).await
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let seen_at = match request.keys {
            true => may_see(&*self.0, Some(request.id), &extensions).await?,
            false => None,
        };
        let header = header::complete(&*self.0, None);
        let response = match lease_leader::time_to_live(&*self.0, request).await {
            Ok(found) => LeaseTimeToLiveResponse { header, ..found },
            Err(Refusal::NotFound) => {
                LeaseTimeToLiveResponse { header, id: request.id, ttl: -1, ..Default::default() }
            }
            Err(Refusal::Failed(status)) => return Err(status),
            Err(Refusal::NotNow(_)) => return Err(status::leader_changed()),
        };
        let auth_revision = self.0.machine().auth().revision();
        if seen_at.is_some_and(|revision| revision != auth_revision) {
            return Err(status::of_auth(&AuthError::OldRevision));
        }
        Ok(Response::new(response))
    }

    async fn lease_leases(
        &self,
        request: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        may_see(&*self.0, None, request.extensions()).await?;
        let leases =
            self.0.machine().leases().lock().list().into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header: header::complete(&*self.0, None), leases }))
    }
}
