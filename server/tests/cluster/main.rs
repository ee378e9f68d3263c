//! Clusters of real processes on loopback: members are killed, paused, cut off, added and removed while clients
//! read and write. At the end nothing that was acknowledged may be missing, what clients were told must be
//! linearizable, and all members must hold the same.
//!
//! `OXETCD_CLUSTER_PROGRAM=/path/to/etcd` runs all of it with another server, which is how the tests themselves
//! are tested.

mod chaos;
mod corruption;
mod farewell;
mod growth;
mod harness;
mod history;
mod leadership;
mod leases;
mod mixed;
mod mixed_auth;
mod mixed_newer;
mod partitions;
mod restarts;
mod snapshot_watchers;
mod snapshots;
mod v2;
