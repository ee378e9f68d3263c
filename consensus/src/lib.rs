//! Consensus: the raft algorithm with its files, but without network, clock or threads.
//!
//! * [`node`]: one member of a raft group, as a state machine. Input goes in, work comes out as data.
//! * [`wal`]: the write-ahead log. [`snap`]: the snapshot files. Both in etcd's format, byte for byte.
//! * [`driver`]: puts a node and a log together in the one order that is safe, and names the traits that the
//!   rest of a member implements.
//! * [`disk`]: what the files lie on, as a trait, so that tests can break it.
//!
//! Time is the caller's: it counts ticks. The same input gives the same output, provided that election
//! timeouts are pinned ([`NodeConfig::fixed_election_ticks`]), which makes whole clusters repeatable in one
//! thread.

pub mod disk;
pub mod driver;
pub mod node;
mod pb;
pub mod snap;
pub mod wal;

pub use disk::{Disk, OsDisk};
pub use driver::{Driver, LogStore, StateMachine, Transport};
pub use node::{Node, NodeConfig, NodeError, Ready, RestoredLog};
pub use pb::{raftpb, snappb, walpb};
pub use snap::{SnapError, SnapStore};
pub use wal::{Replay, Wal, WalError, WalOptions};
