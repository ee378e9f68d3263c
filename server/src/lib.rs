//! The etcd server, as a library: [`Member::start`] runs one member inside any tokio program.
//!
//! This is the composition root. It picks a storage engine, joins the crates that do not know each other
//! (`adapters`), runs the loops around the cores (`node`), and offers the result to clients (`service`, `http`).

mod access;
mod adapters;
mod admission;
mod announce;
mod assemble;
mod audit;
mod background;
mod call;
pub mod check_config;
mod cluster;
mod conf_change;
pub mod config;
mod describe;
mod dispatch;
mod gateway;
mod http;
mod identity;
pub mod logging;
mod member;
pub mod metrics;
mod net;
mod node;
pub mod notify;
mod service;
mod status;
#[cfg_attr(not(feature = "otlp"), path = "no_traces.rs")]
mod traces;
mod v2http;

pub use member::Member;

/// The version of etcd whose behaviour this server has, as it tells clients.
pub const VERSION: &str = "3.7.1";
