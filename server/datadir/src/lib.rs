//! The files of a member, whoever works on them: the server while it runs, etcdutl while it does not.
//!
//! ```text
//!   member/wal/                     the write-ahead log
//!   member/snap/<engine>[.<index>]  the data, in one engine's files: see [`EngineHome`]
//!   member/snap/db                  the same in etcd's own file format, when the dir came from there or must go there
//!   member/snap/<term>-<index>.snap the membership, as etcd 3.6 and older read it
//! ```
//!
//! Of engine and `db` the one that stands at the higher index of the log counts. [`Database`] copies a file in
//! etcd's format into an engine, [`Export`] makes such a file; ids and encodings are etcd's.

mod altered;
mod backup;
mod conf_state;
mod engine;
mod engine_home;
mod export;
mod file_engine;
mod file_status;
mod identity;
mod import;
pub mod membership_json;
mod migrate;
mod new_log;
mod offline;
mod recovery;
mod restore;
mod survivor;
mod v2_tree;

pub use altered::{Altered, Progress};
pub use backup::Backup;
pub use conf_state::{decode_state, encode_state};
pub use engine::{EngineOptions, check_engine};
pub use engine_home::{EngineHome, Opened, remove};
pub use export::{Export, ExportFailure};
pub use file_engine::FileEngine;
pub use file_status::FileStatus;
pub use identity::{cluster_id, member_id};
pub use import::Database;
pub use migrate::{Migrated, migrate};
pub use offline::{Offline, applied_index, open_database};
pub use oxetcd_machine::Member;
pub use recovery::{Loss, Recovery, Window};
pub use restore::Restore;
pub(crate) use restore::reason;
pub use survivor::Survivor;
pub use v2_tree::read_v2_tree;
