//! The replicated state machine.
//!
//! Every member feeds the same log entries, in the same order, to [`Turn::apply`] and arrives at the same
//! state: key-values, leases, users, membership and alarms. It is synchronous, knows no clock (`now` is an argument)
//! and no network. What an entry brings about beyond the state itself - events for watchers, a compaction to be
//! run in the background - comes back as data in [`Effects`].

mod alarms;
mod auth;
mod cluster_request;
mod downgrade;
mod error;
mod kind;
mod machine;
mod member_change;
mod members;
pub mod meta;
mod outcome;
mod permissions;
mod roster;
mod v2_apply;
mod v2_records;
mod v2_request;

pub use alarms::Alarms;
pub use downgrade::Downgrade;
pub use error::{ApplyError, Failure};
pub use kind::Kind;
pub use machine::{Machine, Turn};
pub use member_change::{MemberChange, MemberRefusal};
pub use members::{Member, Members};
pub use outcome::{AuthChange, Effects, Outcome, Response};
pub use permissions::Permissions;
pub use roster::Roster;
pub use v2_apply::{of_change as v2_counts, replay as v2_replay};
pub use v2_records::V2Records;
pub use v2_request::{V2Change, v2_change, v2_is_for_tree, v2_request};
