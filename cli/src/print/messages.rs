//! Field names and their order in JSON, for the messages of the API.

use super::json::{Json, ToJson};
use oxetcd_api::{
    authpb::Permission,
    etcdserverpb::{
        AlarmMember, AlarmResponse, AuthRoleAddResponse, AuthRoleDeleteResponse, AuthRoleGetResponse,
        AuthRoleGrantPermissionResponse, AuthRoleListResponse, AuthRoleRevokePermissionResponse,
        AuthStatusResponse, AuthUserAddResponse, AuthUserChangePasswordResponse, AuthUserDeleteResponse,
        AuthUserGetResponse, AuthUserGrantRoleResponse, AuthUserListResponse, AuthUserRevokeRoleResponse,
        DeleteRangeResponse, DowngradeInfo, DowngradeResponse, HashKvResponse, LeaseRevokeResponse, Member,
        MemberAddResponse, MemberListResponse, MemberPromoteResponse, MemberRemoveResponse,
        MemberUpdateResponse, MoveLeaderResponse, PutResponse, RangeResponse, ResponseHeader, StatusResponse,
    },
    mvccpb::{Event, KeyValue},
};

macro_rules! json_messages {
    ($($message:ident { $($field:ident $name:literal),* })*) => { $(
        impl ToJson for $message {
            fn json_fields(&self, json: &mut Json<'_, '_>) {
                $( json.field($name, &self.$field); )*
            }
        }
    )* };
}

json_messages! {
    ResponseHeader { cluster_id "cluster_id", member_id "member_id", revision "revision", raft_term "raft_term" }
    KeyValue {
        key "key", create_revision "create_revision", mod_revision "mod_revision", version "version",
        value "value", lease "lease"
    }
    Event { r#type "type", kv "kv", prev_kv "prev_kv" }
    RangeResponse { header "header", kvs "kvs", more "more", count "count" }
    PutResponse { header "header", prev_kv "prev_kv" }
    DeleteRangeResponse { header "header", deleted "deleted", prev_kvs "prev_kvs" }
    LeaseRevokeResponse { header "header" }
    Member { id "ID", name "name", peer_ur_ls "peerURLs", client_ur_ls "clientURLs", is_learner "isLearner" }
    MemberListResponse { header "header", members "members" }
    MemberAddResponse { header "header", member "member", members "members" }
    MemberRemoveResponse { header "header", members "members" }
    MemberUpdateResponse { header "header", members "members" }
    MemberPromoteResponse { header "header", members "members" }
    MoveLeaderResponse { header "header" }
    DowngradeInfo { enabled "enabled", target_version "targetVersion" }
    DowngradeResponse { header "header", version "version" }
    StatusResponse {
        header "header", version "version", db_size "dbSize", leader "leader", raft_index "raftIndex",
        raft_term "raftTerm", raft_applied_index "raftAppliedIndex", errors "errors",
        db_size_in_use "dbSizeInUse", is_learner "isLearner", storage_version "storageVersion",
        db_size_quota "dbSizeQuota", downgrade_info "downgradeInfo"
    }
    HashKvResponse {
        header "header", hash "hash", compact_revision "compact_revision", hash_revision "hash_revision"
    }
    AlarmMember { member_id "memberID", alarm "alarm" }
    AlarmResponse { header "header", alarms "alarms" }
    AuthStatusResponse { header "header", enabled "enabled", auth_revision "authRevision" }
    Permission { perm_type "permType", key "key", range_end "range_end" }
    AuthRoleAddResponse { header "header" }
    AuthRoleGetResponse { header "header", perm "perm" }
    AuthRoleListResponse { header "header", roles "roles" }
    AuthRoleDeleteResponse { header "header" }
    AuthRoleGrantPermissionResponse { header "header" }
    AuthRoleRevokePermissionResponse { header "header" }
    AuthUserAddResponse { header "header" }
    AuthUserGetResponse { header "header", roles "roles" }
    AuthUserListResponse { header "header", users "users" }
    AuthUserDeleteResponse { header "header" }
    AuthUserChangePasswordResponse { header "header" }
    AuthUserGrantRoleResponse { header "header" }
    AuthUserRevokeRoleResponse { header "header" }
}
