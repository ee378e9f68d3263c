//! Consensus without I/O of its own: the raft driver, and the log and snapshot files in etcd's format.

pub mod disk;
pub mod node;
mod pb;
pub mod wal;

pub use disk::{Disk, OsDisk};
pub use node::{Node, NodeConfig, NodeError, Ready, RestoredLog};
pub use pb::{raftpb, snappb, walpb};
pub use wal::{Replay, Wal, WalError, WalOptions};
