//! What the services ask of other members.

use crate::cluster::{AskError, Question, Reply};
use futures::future::BoxFuture;
use oxetcd_consensus::node::Status;
use std::time::Instant;

/// Other members, for what this one cannot do itself.
pub(crate) trait Others: Send + Sync + 'static {
    /// Asks a member at any of its URLs.
    fn ask(&self, member_id: u64, question: Question) -> BoxFuture<'static, Result<Reply, AskError>>;

    /// Begins to hand leadership to another member. Whether that comes about is to be seen.
    fn hand_over(&self, to: u64);

    /// Since when this member is connected to another one, if it is.
    fn connected_since(&self, member_id: u64) -> Option<Instant>;

    /// Whether another member reads entries of the v2 API, by what it last said; `None` if it has said nothing.
    fn reads_v2(&self, member_id: u64) -> Option<bool>;

    /// How raft stands; `None` when the member stops.
    fn raft_status(&self) -> BoxFuture<'static, Option<Status>>;
}
