//! The cluster service: who the members are. Changing them comes with the cluster issue.

use super::Read;
use oxetcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
use oxetcd_grpc::etcdserverpb::cluster_server::Cluster;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The cluster service over a member.
pub(crate) struct ClusterService<M>(pub(crate) Arc<M>);

fn not_yet(what: &str) -> Status {
    Status::unimplemented(format!("etcdserver: {what} is not offered by this version"))
}

#[tonic::async_trait]
impl<M: Read> Cluster for ClusterService<M> {
    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        if request.get_ref().linearizable {
            self.0.barrier().await?;
        }
        let member = |member: oxetcd_machine::Member| Member {
            id: member.id,
            name: member.name,
            peer_ur_ls: member.peer_urls,
            client_ur_ls: member.client_urls,
            is_learner: member.is_learner,
        };
        let members = self.0.machine().members().list().into_iter().map(member).collect();
        Ok(Response::new(MemberListResponse { header: Some(self.0.header()), members }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        Err(not_yet("adding a member"))
    }

    async fn member_remove(
        &self,
        _: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        Err(not_yet("removing a member"))
    }

    async fn member_update(
        &self,
        _: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        Err(not_yet("updating a member"))
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        Err(not_yet("promoting a member"))
    }
}
