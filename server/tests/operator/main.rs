//! What an operator relies on, against a real process: metrics, health, the space quota, compaction by itself, locks and
//! elections.

mod admission;
mod audit;
mod compaction;
mod coordination;
mod dashboards;
mod discovery;
mod downgrade;
mod gateway;
mod grpc_health;
mod health;
mod log;
mod members;
mod metrics;
mod mutations;
mod peers;
mod probes;
mod proxies;
mod quota;
mod slow;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
mod traces;
mod upkeep;
mod websocket;
