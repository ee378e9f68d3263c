//! Where crates that do not know each other are joined.

mod history;
mod peer_host;

pub(crate) use history::StoreHistory;
pub(crate) use oxetcd_datadir::{Database, EngineHome, EngineOptions, Export, ExportFailure, Opened, remove};
pub(crate) use peer_host::MemberHost;
