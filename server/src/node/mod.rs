//! The running member: threads around the cores that do no I/O themselves.
//!
//! ```text
//!   services --propose--> inbox -> raft loop --committed--> apply loop --answers--> services
//!                                     |                        |
//!                               write-ahead log       write buffer, watch hub
//!                                                              |
//!                                              commit loop -> engine, .snap files
//! ```
//!
//! Each loop is one thread that owns its part. They meet in [`Shared`], which is also what the services see.

mod applied_waits;
mod apply_loop;
mod apply_meter;
mod auto_compact;
mod auto_disarm;
mod bootstrap;
mod clock;
mod commit_loop;
mod compact_loop;
mod compaction_schedule;
mod exchange;
mod fate;
mod force_new_cluster;
mod forwarded;
mod inbox;
mod install;
mod leader_watch;
mod lease_loop;
mod log_keeping;
mod proposals;
mod raft_loop;
mod read_round;
mod ready_work;
mod sampling;
mod send_snapshot;
mod shared;
mod taken_tree;
mod told_attributes;
mod waiters;
mod watching;
mod way_back;

pub(crate) use apply_loop::{ApplyLoop, Committed};
pub(crate) use auto_compact::AutoCompact;
pub(crate) use auto_disarm::AutoDisarm;
pub(crate) use bootstrap::{BootOptions, Booted, boot};
pub(crate) use clock::{Clock, unix_nanos};
pub(crate) use commit_loop::{CommitLimits, CommitLoop};
pub(crate) use compact_loop::CompactLoop;
pub(crate) use compaction_schedule::CompactionSchedule;
pub(crate) use exchange::Exchange;
pub(crate) use fate::Fate;
pub(crate) use inbox::{Inbox, Input};
pub(crate) use leader_watch::watch_leader;
pub(crate) use lease_loop::{LeaseLoop, checkpoint};
pub(crate) use proposals::Proposals;
pub(crate) use raft_loop::RaftLoop;
pub(crate) use read_round::ReadRound;
pub(crate) use sampling::sample;
pub(crate) use send_snapshot::{Outgoing, open_snapshot};
pub(crate) use shared::Shared;
pub(crate) use watching::Watching;
pub(crate) use way_back::WayBack;
