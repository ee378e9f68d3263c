//! The kinds of requests that entries hold, for whoever counts or times them.

use oxetcd_api::etcdserverpb::InternalRaftRequest;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $field:ident,)*) => {
        /// What an entry asked for.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
            /// None of these, or nothing at all.
            #[default]
            Other,
        }

        impl Kind {
            /// The kind of a request.
            pub fn of(request: &InternalRaftRequest) -> Kind {
                $(if request.$field.is_some() {
                    return Kind::$kind;
                })*
                Kind::Other
            }
        }
    };
}

// In the order of their frequency.
kinds! {
    /// A put.
    Put = put,
    /// A transaction.
    Txn = txn,
    /// A deletion.
    DeleteRange = delete_range,
    /// A range that went through the log.
    Range = range,
    /// A new lease.
    LeaseGrant = lease_grant,
    /// The end of a lease.
    LeaseRevoke = lease_revoke,
    /// Remaining times of leases.
    LeaseCheckpoint = lease_checkpoint,
    /// A compaction.
    Compaction = compaction,
    /// An alarm's raising, listing or taking back.
    Alarm = alarm,
    /// A login.
    Authenticate = authenticate,
    /// The question whether auth is on.
    AuthStatus = auth_status,
    /// Auth on.
    AuthEnable = auth_enable,
    /// Auth off.
    AuthDisable = auth_disable,
    /// A new user.
    AuthUserAdd = auth_user_add,
    /// A user's end.
    AuthUserDelete = auth_user_delete,
    /// A new password.
    AuthUserChangePassword = auth_user_change_password,
    /// A role for a user.
    AuthUserGrantRole = auth_user_grant_role,
    /// The roles of a user.
    AuthUserGet = auth_user_get,
    /// A role taken from a user.
    AuthUserRevokeRole = auth_user_revoke_role,
    /// All users.
    AuthUserList = auth_user_list,
    /// A new role.
    AuthRoleAdd = auth_role_add,
    /// A permission for a role.
    AuthRoleGrantPermission = auth_role_grant_permission,
    /// The permissions of a role.
    AuthRoleGet = auth_role_get,
    /// A permission taken from a role.
    AuthRoleRevokePermission = auth_role_revoke_permission,
    /// A role's end.
    AuthRoleDelete = auth_role_delete,
    /// All roles.
    AuthRoleList = auth_role_list,
    /// A new version of the cluster.
    ClusterVersionSet = cluster_version_set,
    /// A member's name and URLs.
    ClusterMemberAttrSet = cluster_member_attr_set,
    /// A downgrade's begin or end.
    DowngradeInfoSet = downgrade_info_set,
    /// A test of etcd's own.
    DowngradeVersionTest = downgrade_version_test,
}
