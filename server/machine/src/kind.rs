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
    /// The question whether auth is on.
    AuthStatus = auth_status,
    /// A new version of the cluster.
    ClusterVersionSet = cluster_version_set,
    /// A member's name and URLs.
    ClusterMemberAttrSet = cluster_member_attr_set,
    /// A downgrade's begin or end.
    DowngradeInfoSet = downgrade_info_set,
    /// A test of etcd's own.
    DowngradeVersionTest = downgrade_version_test,
}
