//! What the tree has counted.

use super::reply::Reply;
use crate::service::Read;

/// The tree's counters.
pub(super) fn store<M: Read>(member: &M) -> Reply {
    let stats = member.machine().v2().lock().stats();
    Reply::json(200, oxetcd_v2::to_json(&stats))
}
