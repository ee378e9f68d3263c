//! The v2 key tree as a pure state machine.
//!
//! Before etcd had revisions and ranges it had a tree of files and directories, in which every change has an index,
//! and whoever waits is told of the first change at or after one. This crate is that tree: [`Tree`] applies the
//! requests that the log carries, answers reads, and keeps the last thousand changes for watchers.
//!
//! It reads no clock and does no I/O. Requests bring their time along, what expires is told by a request too, and
//! what has to be stored comes out as [`Change`]s. So all members that apply the same log hold the same tree.
//! Names, codes and JSON are etcd 3.5's to the letter, oddities included: clients have grown around them.

mod apply;
mod change;
mod edit;
mod elsewhere;
mod error;
mod event;
mod files;
mod history;
mod hub;
mod json;
mod node;
mod path;
mod saved;
mod stats;
mod time;
mod tree;
mod view;

pub use change::Change;
pub use elsewhere::Elsewhere;
pub use error::{Code, V2Error};
pub use event::{Action, Event};
pub use files::File;
pub use history::CAPACITY as HISTORY_CAPACITY;
pub use hub::{Sink, Watch, WatchId};
pub use json::to_json;
pub use path::clean;
pub use stats::Stats;
pub use time::format as to_rfc3339;
pub use tree::{Condition, Expiry, Tree};
pub use view::NodeView;
