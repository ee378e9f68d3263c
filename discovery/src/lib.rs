//! Discovery: the members of a new cluster find each other through another etcd cluster, the service.
//!
//! Whoever sets up a cluster puts its size at `/_etcd/registry/TOKEN/_config/size` of the service, with a token that was
//! never used. Each member then writes its name and peer URLs to `/_etcd/registry/TOKEN/members/ID` and waits until as many
//! have done so. The first of them, by the revision at which they came, are the cluster; one that comes too late is told
//! that it is full.
//!
//! ```no_run
//! # async fn example() -> Result<(), oxetcd_discovery::DiscoveryError> {
//! use oxetcd_discovery::{Service, join};
//!
//! let service = Service::new(["10.0.0.1:2379"], "a-new-token");
//! let members = join(&service, 0x8e9e05c52164694d, "infra1=http://10.0.1.1:2380").await?;
//! println!("--initial-cluster={members}"); // infra1=http://10.0.1.1:2380,infra2=...
//! # Ok(())
//! # }
//! ```

mod error;
mod join;
mod registry;
mod service;

pub use error::DiscoveryError;
pub use join::join;
pub use service::{Security, Service};
