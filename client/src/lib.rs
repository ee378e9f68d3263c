//! The async etcd client.
