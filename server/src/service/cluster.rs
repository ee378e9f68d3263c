//! The cluster service: who the members are, and how an operator changes that.

use super::{Others, Propose, Read};
use crate::cluster::membership;
use oxetcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse, ResponseHeader,
};
use oxetcd_grpc::etcdserverpb::cluster_server::Cluster;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The cluster service over a member.
pub(crate) struct ClusterService<M>(pub(crate) Arc<M>);

impl<M: Read> ClusterService<M> {
    fn header(&self) -> Option<ResponseHeader> {
        Some(self.0.header())
    }
}

fn member(member: oxetcd_machine::Member) -> Member {
    Member {
        id: member.id,
        name: member.name,
        peer_ur_ls: member.peer_urls,
        client_ur_ls: member.client_urls,
        is_learner: member.is_learner,
    }
}

fn list(members: Vec<oxetcd_machine::Member>) -> Vec<Member> {
    members.into_iter().map(member).collect()
}

#[tonic::async_trait]
impl<M: Propose + Read + Others> Cluster for ClusterService<M> {
    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        if request.get_ref().linearizable {
            self.0.barrier().await?;
        }
        let members = list(self.0.machine().members().list());
        Ok(Response::new(MemberListResponse { header: self.header(), members }))
    }

    async fn member_add(
        &self,
        request: Request<MemberAddRequest>,
    ) -> Result<Response<MemberAddResponse>, Status> {
        let MemberAddRequest { peer_ur_ls, is_learner } = request.into_inner();
        let (added, members) = membership::add(&*self.0, &peer_ur_ls, is_learner).await?;
        let (added, members) = (Some(member(added)), list(members));
        Ok(Response::new(MemberAddResponse { header: self.header(), member: added, members }))
    }

    async fn member_remove(
        &self,
        request: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        let members = list(membership::remove(&*self.0, request.get_ref().id).await?);
        Ok(Response::new(MemberRemoveResponse { header: self.header(), members }))
    }

    async fn member_update(
        &self,
        request: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        let MemberUpdateRequest { id, peer_ur_ls } = request.into_inner();
        let members = list(membership::update(&*self.0, id, peer_ur_ls).await?);
        Ok(Response::new(MemberUpdateResponse { header: self.header(), members }))
    }

    async fn member_promote(
        &self,
        request: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        let members = list(membership::promote(&*self.0, request.get_ref().id).await?);
        Ok(Response::new(MemberPromoteResponse { header: self.header(), members }))
    }
}
