//! The kinds of requests that are measured by name.

macro_rules! ops {
    ($($name:ident,)*) => {
        /// A kind of request; its name is the value of the `op` and `type` labels.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Op {
            $(
                #[allow(missing_docs, reason = "the request of that name in etcd's protocol")]
                $name,
            )*
            /// None of these.
            Unknown,
        }

        impl Op {
            /// Every kind.
            pub const ALL: &'static [Op] = &[$(Op::$name,)* Op::Unknown];

            /// The name as etcd's metrics have it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Op::$name => stringify!($name),)*
                    Op::Unknown => "unknown",
                }
            }
        }
    };
}

ops! {
    Range, Put, DeleteRange, Txn, ReadonlyTxn, Compaction,
    LeaseGrant, LeaseRevoke, LeaseCheckpoint,
    Alarm, Authenticate,
    AuthEnable, AuthDisable, AuthStatus,
    AuthUserAdd, AuthUserDelete, AuthUserChangePassword, AuthUserGrantRole, AuthUserGet, AuthUserRevokeRole,
    AuthUserList,
    AuthRoleAdd, AuthRoleGrantPermission, AuthRoleGet, AuthRoleRevokePermission, AuthRoleDelete, AuthRoleList,
    ClusterVersionSet, ClusterMemberAttrSet, DowngradeInfoSet, DowngradeVersionTest,
}
