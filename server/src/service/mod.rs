//! The gRPC services.
//!
//! A service knows three narrow traits and nothing of the member behind them: [`Propose`] to change state through
//! the log, [`Read`] to look at it, [`Others`] to ask other members.

mod auth;
mod cluster;
mod election;
pub(crate) mod gate;
mod header;
mod health;
mod kv;
mod lease;
pub(crate) mod lease_leader;
mod local;
mod lock;
mod maintenance;
mod others;
mod quota;
mod range;
mod read_meter;
mod reflection;
mod snapshot;
mod stream;
mod traits;
pub(crate) mod unary;
mod watch;
mod watch_meter;
mod watch_rights;

pub(crate) use auth::AuthService;
pub(crate) use cluster::ClusterService;
pub(crate) use election::ElectionService;
pub(crate) use health::HealthService;
pub(crate) use kv::KvService;
pub(crate) use lease::LeaseService;
pub(crate) use local::LocalKv;
pub(crate) use lock::LockService;
pub(crate) use maintenance::MaintenanceService;
pub(crate) use others::Others;
pub(crate) use range::range;
pub(crate) use reflection::Reflection;
pub(crate) use traits::{Answer, Barrier, Limits, Progress, Proposal, Propose, Read};
pub(crate) use watch::WatchService;
