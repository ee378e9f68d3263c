//! The tables of a member: etcd's bucket names, in the order in which etcd creates them.

/// One ordered table of byte keys and byte values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Applied index and term, conf state, compaction marks, storage version.
    Meta,
    /// Records by revision.
    Key,
    /// Leases by id.
    Lease,
    /// Raised alarms.
    Alarm,
    /// Whether auth is enabled, and its revision.
    Auth,
    /// Users by name.
    AuthUsers,
    /// Roles by name.
    AuthRoles,
    /// Members by id.
    Members,
    /// Ids of members that were removed.
    MembersRemoved,
    /// Cluster version and downgrade.
    Cluster,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 10] = [
        Table::Meta,
        Table::Key,
        Table::Lease,
        Table::Alarm,
        Table::Auth,
        Table::AuthUsers,
        Table::AuthRoles,
        Table::Members,
        Table::MembersRemoved,
        Table::Cluster,
    ];

    /// Its name: the bucket of a bbolt file that holds the same records.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Key => "key",
            Table::Lease => "lease",
            Table::Alarm => "alarm",
            Table::Auth => "auth",
            Table::AuthUsers => "authUsers",
            Table::AuthRoles => "authRoles",
            Table::Members => "members",
            Table::MembersRemoved => "members_removed",
            Table::Cluster => "cluster",
        }
    }

    /// Its place in [`Table::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
