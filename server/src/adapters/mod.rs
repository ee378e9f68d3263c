//! Where crates that do not know each other are joined.

mod history;
mod metered_disk;
mod open_view;
mod peer_host;

pub(crate) use history::StoreHistory;
pub(crate) use metered_disk::{DiskTimes, MeteredDisk};
pub(crate) use open_view::OpenView;
pub(crate) use oxetcd_datadir::{Database, EngineHome, EngineOptions, Export, ExportFailure, Opened, remove};
pub(crate) use peer_host::MemberHost;
