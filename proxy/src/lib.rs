//! Programs between clients and a cluster, `etcd gateway` and `etcd grpc-proxy`.
//!
//! The [`gateway`] passes connections on as they are, so that clients need one address only. The [`grpc`] proxy speaks the
//! API: many clients' reads and watches of the same keys become few, and a part of the keys can be made to look like all
//! of them.

mod found;
pub mod gateway;
pub mod grpc;
mod listen;

pub use found::Srv;
pub use listen::Limits;
