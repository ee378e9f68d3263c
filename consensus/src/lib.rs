//! Consensus without I/O of its own: the raft driver, and the log and snapshot files in etcd's format.
