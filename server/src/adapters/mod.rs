//! Where crates that do not know each other are joined.

mod engine;
mod history;

pub(crate) use engine::{EngineOptions, open_engine};
pub(crate) use history::StoreHistory;
