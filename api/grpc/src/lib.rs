//! The gRPC services of etcd: client and server stubs over [`oxetcd_api`]'s messages, and nothing else.
//! Whoever needs only the messages depends on `oxetcd-api` and never compiles tonic.
#![allow(missing_docs, clippy::all, unreachable_pub)]

/// Services of package `etcdserverpb`: KV, Watch, Lease, Cluster, Maintenance, Auth.
pub mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}
/// The lock service.
pub mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}
/// The election service.
pub mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}
