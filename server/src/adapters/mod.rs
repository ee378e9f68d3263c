//! Where crates that do not know each other are joined.

mod engine;
mod engine_home;
mod export;
mod history;
mod import;
mod peer_host;

pub(crate) use engine::EngineOptions;
pub(crate) use engine_home::{EngineHome, Opened, remove};
pub(crate) use export::{Export, ExportFailure};
pub(crate) use history::StoreHistory;
pub(crate) use import::Database;
pub(crate) use peer_host::MemberHost;
