//! The lease service. Granting and revoking go through the log; renewing does not: only the leader's book counts
//! time, and a renewal that is lost with it only makes the lease last a little longer there.

use super::{Propose, Read, header};
use crate::status;
use futures::{Stream, StreamExt};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        InternalRaftRequest, LeaseCheckpoint, LeaseCheckpointRequest, LeaseGrantRequest, LeaseGrantResponse,
        LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest, LeaseLeasesResponse,
        LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest,
        LeaseTimeToLiveResponse,
    },
};
use oxetcd_grpc::etcdserverpb::lease_server::Lease;
use oxetcd_lease::LeaseError;
use oxetcd_machine::Response as Applied;
use std::{pin::Pin, sync::Arc};
use tonic::{Request, Response, Status, Streaming};

/// The lease service over a member.
pub(crate) struct LeaseService<M>(pub(crate) Arc<M>);

impl<M: Propose + Read> LeaseService<M> {
    /// A lease that is being granted is in the log already: wait for that before saying that there is none.
    async fn when_known(&self, id: LeaseId) -> Result<(), Status> {
        if self.0.machine().leases().lock().contains(id) {
            return Ok(());
        }
        self.0.barrier().await
    }
}

/// The id of a lease nobody named: positive, as clients expect.
fn free_id<M: Propose>(member: &M) -> LeaseId {
    loop {
        let id = (member.next_id() & i64::MAX as u64) as LeaseId;
        if id != 0 {
            return id;
        }
    }
}

async fn renew<M: Propose + Read>(member: &M, id: LeaseId) -> Result<LeaseKeepAliveResponse, Status> {
    // The header is of before the renewal, so that it never promises more than was seen.
    let header = header::complete(member, None);
    if !member.machine().leases().lock().contains(id) {
        member.barrier().await?;
    }
    let renewed = member.machine().leases().lock().renew(member.now_ms(), id);
    if renewed.is_ok() {
        member.metrics().lease.renewed.inc();
    }
    let ttl = match renewed {
        Ok(renewal) if renewal.clear_checkpoint => {
            // Else the next leader would count on from what was written down before the renewal.
            let cleared = LeaseCheckpoint { id, remaining_ttl: 0 };
            let lease_checkpoint = Some(LeaseCheckpointRequest { checkpoints: vec![cleared] });
            member.propose(InternalRaftRequest { lease_checkpoint, ..Default::default() })?.await?;
            renewal.ttl_s
        }
        Ok(renewal) => renewal.ttl_s,
        // It is over, and about to be revoked: as good as gone.
        Err(LeaseError::NotFound | LeaseError::Expired) => 0,
        Err(error) => return Err(Status::unknown(error.to_string())),
    };
    Ok(LeaseKeepAliveResponse { header, id, ttl })
}

type KeepAlives = Pin<Box<dyn Stream<Item = Result<LeaseKeepAliveResponse, Status>> + Send>>;

#[tonic::async_trait]
impl<M: Propose + Read> Lease for LeaseService<M> {
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
            async move { renew(&*member, request?.id).await }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let LeaseTimeToLiveRequest { id, keys } = request.into_inner();
        self.when_known(id).await?;
        let header = header::complete(&*self.0, None);
        let found = self.0.machine().leases().lock().time_to_live(self.0.now_ms(), id, keys);
        let response = match found {
            Ok(found) => LeaseTimeToLiveResponse {
                header,
                id,
                ttl: found.remaining_s,
                granted_ttl: found.granted_s,
                keys: found.keys.into_iter().map(bytes::Bytes::from).collect(),
            },
            Err(_) => LeaseTimeToLiveResponse { header, id, ttl: -1, ..Default::default() },
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
