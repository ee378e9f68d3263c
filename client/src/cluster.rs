//! Members of the cluster.

use crate::client::unary_calls;
use oxetcd_api::etcdserverpb::{
    MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
use oxetcd_grpc::etcdserverpb::cluster_client::ClusterClient;

unary_calls! { ClusterClient;
    /// Lists the members.
    pub member_list(MemberListRequest) -> MemberListResponse = member_list, "/etcdserverpb.Cluster/MemberList", Safe;
    /// Adds a member, by the URLs at which its peers will reach it.
    pub member_add(MemberAddRequest) -> MemberAddResponse = member_add, "/etcdserverpb.Cluster/MemberAdd", Never;
    /// Removes a member.
    pub member_remove(MemberRemoveRequest) -> MemberRemoveResponse = member_remove, "/etcdserverpb.Cluster/MemberRemove", Never;
    /// Changes the URLs at which its peers reach a member.
    pub member_update(MemberUpdateRequest) -> MemberUpdateResponse = member_update, "/etcdserverpb.Cluster/MemberUpdate", Never;
    /// Makes a voter of a learner.
    pub member_promote(MemberPromoteRequest) -> MemberPromoteResponse = member_promote, "/etcdserverpb.Cluster/MemberPromote", Never;
}
