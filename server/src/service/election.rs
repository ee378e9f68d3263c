//! The election service: [`oxetcd_concurrency::Election`] for those who speak only gRPC.
//!
//! No state is kept here between calls. What a candidate has won is the leader key in the answer; it brings it along when it
//! proclaims or resigns, to whichever member.

use super::{
    Others, Propose, Read,
    local::{LocalKv, failure},
};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use oxetcd_api::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};
use oxetcd_concurrency::{Election as Standing, Proclamation, Session};
use oxetcd_grpc::v3electionpb::election_server::Election;
use tonic::{Request, Response, Status};

/// The election service over a member.
pub(crate) struct ElectionService<M>(pub(crate) LocalKv<M>);

impl<M: Propose + Read + Others> ElectionService<M> {
    /// The election, for those who only look.
    fn look(&self, request: Request<LeaderRequest>) -> Standing<LocalKv<M>> {
        let (kv, request) = self.0.for_caller(request);
        Standing::new(&Session::detached(kv, 0), request.name)
    }
}

fn given(leader: Option<LeaderKey>) -> Result<LeaderKey, Status> {
    leader.ok_or_else(|| Status::unknown("\"leader\" field must be provided"))
}

fn answer(said: Proclamation) -> LeaderResponse {
    LeaderResponse { header: Some(said.header), kv: Some(said.kv) }
}

#[tonic::async_trait]
impl<M: Propose + Read + Others> Election for ElectionService<M> {
    /// Waits until the election is won. A caller that gives up has its candidacy taken back.
    async fn campaign(
        &self,
        request: Request<CampaignRequest>,
    ) -> Result<Response<CampaignResponse>, Status> {
        let (kv, request) = self.0.for_caller(request);
        let session = kv.session(request.lease).await?;
        let mut election = Standing::new(&session, &request.name);
        election.campaign(request.value).await.map_err(failure)?;
        let (header, leader) = (election.header().cloned(), election.leader_key().cloned());
        Ok(Response::new(CampaignResponse { header, leader }))
    }

    async fn proclaim(
        &self,
        request: Request<ProclaimRequest>,
    ) -> Result<Response<ProclaimResponse>, Status> {
        let (kv, request) = self.0.for_caller(request);
        let leader = given(request.leader)?;
        let session = kv.session(leader.lease).await?;
        let mut election = Standing::resume(&session, leader);
        election.proclaim(request.value).await.map_err(failure)?;
        Ok(Response::new(ProclaimResponse { header: election.header().cloned() }))
    }

    async fn leader(&self, request: Request<LeaderRequest>) -> Result<Response<LeaderResponse>, Status> {
        let election = self.look(request);
        let said = election.leader().await.map_err(failure)?;
        Ok(Response::new(answer(said)))
    }

    type ObserveStream = BoxStream<'static, Result<LeaderResponse, Status>>;

    async fn observe(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let observer = self.look(request).observe();
        let words = stream::unfold(Some(observer), |observer| async move {
            let mut observer = observer?;
            match observer.next().await {
                Ok(said) => Some((Ok(answer(said)), Some(observer))),
                Err(error) => Some((Err(failure(error)), None)),
            }
        });
        Ok(Response::new(words.boxed()))
    }

    async fn resign(&self, request: Request<ResignRequest>) -> Result<Response<ResignResponse>, Status> {
        let (kv, request) = self.0.for_caller(request);
        let leader = given(request.leader)?;
        let mut election = Standing::resume(&Session::detached(kv, leader.lease), leader);
        election.resign().await.map_err(failure)?;
        Ok(Response::new(ResignResponse { header: election.header().cloned() }))
    }
}
