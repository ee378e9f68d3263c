//! The lease service. Granting and revoking go through the log; renewing does not: only the leader's book counts
//! time (see [`lease_leader`]), and its successor gives every lease a little more.

use super::{
    Others, Propose, Read, header,
    lease_leader::{self, Refusal},
};
use crate::status;
use futures::{Stream, StreamExt};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        InternalRaftRequest, LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest,
        LeaseKeepAliveResponse, LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest,
        LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
    },
};
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

async fn keep_alive<M: Propose + Read + Others>(
    member: &M,
    id: LeaseId,
) -> Result<LeaseKeepAliveResponse, Status> {
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
        let mut grant = request.into_inner();
        if grant.id == 0 {
            grant.id = free_id(&*self.0);
        }
        super::quota::check(&*self.0, super::quota::LEASE_BYTES)?;
        let request = InternalRaftRequest { lease_grant: Some(grant), ..Default::default() };
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
        let request = InternalRaftRequest { lease_revoke: Some(request.into_inner()), ..Default::default() };
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
        let answers = request.into_inner().then(move |request| {
            let member = member.clone();
            async move { keep_alive(&*member, request?.id).await }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let request = request.into_inner();
        let header = header::complete(&*self.0, None);
        let response = match lease_leader::time_to_live(&*self.0, request).await {
            Ok(found) => LeaseTimeToLiveResponse { header, ..found },
            Err(Refusal::NotFound) => {
                LeaseTimeToLiveResponse { header, id: request.id, ttl: -1, ..Default::default() }
            }
            Err(Refusal::Failed(status)) => return Err(status),
            Err(Refusal::NotNow(_)) => return Err(status::leader_changed()),
        };
        Ok(Response::new(response))
    }

    async fn lease_leases(
        &self,
        _: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        let leases =
            self.0.machine().leases().lock().list().into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header: header::complete(&*self.0, None), leases }))
    }
}
