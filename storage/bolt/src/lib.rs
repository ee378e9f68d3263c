//! Reader and bulk writer of bbolt files, the interchange format of etcd's snapshots.
