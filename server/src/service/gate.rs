//! What every call passes on its way in, whatever service it is for.
//!
//! A learner offers next to nothing: it may be far behind, and clients are to go elsewhere. And a client may say
//! that it would rather have an error than an answer from a member that has lost the others
//! (`hasleader: true`).

use super::Read;
use crate::status;
use http::HeaderMap;
use std::future::Future;
use tonic::Status;

/// The header by which a client insists on a leader, and its value.
const REQUIRE_LEADER: (&str, &[u8]) = ("hasleader", b"true");
/// What a learner offers. Of ranges only the serializable ones: see [`serves_linearizable`].
const OF_LEARNERS: [&str; 3] =
    ["/etcdserverpb.Maintenance/Status", "/etcdserverpb.KV/Range", "/etcdserverpb.Maintenance/Snapshot"];

/// Lets a call of the method at `path` in.
///
/// # Errors
/// When this member does not offer it now.
pub(crate) fn admit<M: Read>(member: &M, path: &str, headers: &HeaderMap) -> Result<(), Status> {
    if member.is_learner() && !OF_LEARNERS.contains(&path) {
        return Err(status::not_supported_for_learner());
    }
    if requires_leader(headers) && member.progress().leader == 0 {
        return Err(status::no_leader());
    }
    Ok(())
}

/// Whether the client insists on a leader.
pub(crate) fn requires_leader(headers: &HeaderMap) -> bool {
    headers.get(REQUIRE_LEADER.0).is_some_and(|value| value.as_bytes() == REQUIRE_LEADER.1)
}

/// Lets a linearizable range in.
///
/// # Errors
/// When this member is a learner.
pub(crate) fn serves_linearizable<M: Read>(member: &M) -> Result<(), Status> {
    if member.is_learner() { Err(status::not_supported_for_learner()) } else { Ok(()) }
}

/// Resolves when a stream that the client has opened with `headers` has to end though neither side wants to.
/// `stopping` resolves when the member stops.
pub(crate) fn end_of_stream<M: Read, S: Future<Output = ()> + Send>(
    member: &M,
    headers: &HeaderMap,
    stopping: S,
) -> impl Future<Output = Status> + Send + use<M, S> {
    let no_leader = requires_leader(headers).then(|| member.leadership().given_up());
    async move {
        let no_leader = async {
            match no_leader {
                Some(given_up) => given_up.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = no_leader => status::no_leader(),
            () = stopping => status::stopped(),
        }
    }
}
