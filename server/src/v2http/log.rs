//! The way of a request through the log.

use super::guard;
use crate::{
    service::{Others, Propose, Read},
    status,
};
use oxetcd_api::etcdserverpb::Request;
use oxetcd_machine::{ApplyError, Response};
use oxetcd_v2::{Code, Event, V2Error};
use std::sync::Arc;
use tonic::Status;

/// Waits for something as long as a request may take.
///
/// # Errors
/// In the words of this API.
pub(super) async fn in_time<M: Read, T>(
    member: &M,
    what: impl Future<Output = Result<T, Status>>,
) -> Result<T, V2Error> {
    let done = tokio::time::timeout(member.limits().request_timeout, what).await;
    done.unwrap_or_else(|_| Err(status::timeout())).map_err(|error| internal(error.message()))
}

/// Something of the cluster's went wrong, not of the request's.
pub(super) fn internal(cause: &str) -> V2Error {
    V2Error::request(Code::RaftInternal, cause)
}

/// Has the log carry a request, and waits until it is applied here.
///
/// # Errors
/// When the tree refuses it, or it does not get that far.
pub(super) async fn write<M: Propose + Read + Others>(
    member: &M,
    request: Request,
) -> Result<Arc<Event>, V2Error> {
    guard::all_can_read(member).await.map_err(|why| internal(&why))?;
    let proposal = member.propose_v2(request, None).map_err(|error| internal(error.message()))?;
    let answered = async {
        match proposal.0.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(lost)) => Err(status::of_lost(lost)),
            Err(_) => Err(status::stopped()),
        }
    };
    match in_time(member, answered).await? {
        Ok(Response::V2(Some(event))) => Ok(event),
        Ok(_) => Err(internal("received response with no Event/Watcher")),
        Err(ApplyError::V2(error)) => Err(error),
        Err(error) => Err(internal(status::of_apply(&error).message())),
    }
}
