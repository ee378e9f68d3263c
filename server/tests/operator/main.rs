//! What an operator relies on, against a real process: metrics, health, the space quota, compaction by itself.

mod metrics;
#[path = "../support/mod.rs"]
mod support;
