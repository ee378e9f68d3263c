//! The v2 HTTP API: a tree of keys over plain HTTP and JSON, which etcd dropped with 3.6.
//!
//! Requests become entries of the same log as everything else, in the form of etcd 3.5, and are applied by
//! [`oxetcd_v2`]. Nothing of it is in the log or in the engine before the first write.

mod form;
mod guard;
mod key_request;
mod keys;
mod members;
mod reply;
mod stats;
mod watch;

use crate::service::{Others, Propose, Read};
use http::Method;
use hyper::{Request, Response, body::Incoming};
use oxetcd_v2::{Code, V2Error};
use reply::Reply;
use std::sync::Arc;
use tonic::body::Body;

/// Where other members ask whether this one reads entries of the v2 API; etcd's own servers have nothing there.
pub(crate) const SPOKEN: &str = "/v2/spoken";
/// Where the tree keeps the keys of clients.
const PREFIX: &str = "/1";
const JSON: &str = "application/json";
const DENIED: &str = "Insufficient credentials";

/// Whether a path belongs to this API.
pub(crate) fn is_ours(path: &str) -> bool {
    ["/v2/keys", "/v2/members", "/v2/stats", "/v2/machines"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Answers a request for a path that [`is_ours`].
pub(crate) async fn answer<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = request.uri().path();
    let keys = path.starts_with("/v2/keys");
    // This API knows nobody's name: it must be no way round the permissions of the other.
    if member.machine().auth().is_enabled() {
        let refused = V2Error::request(Code::Unauthorized, DENIED);
        let reply = if keys { Reply::refusal(&refused) } else { Reply::message(401, DENIED) };
        return reply.of_cluster(member.header().cluster_id).into_response();
    }
    if keys {
        return keys::answer(member, request).await;
    }
    let (get, read) = (request.method() == Method::GET, [Method::GET, Method::HEAD]);
    let reply = match path {
        "/v2/machines" if read.contains(request.method()) => members::machines(&**member),
        "/v2/machines" => Reply::method_not_allowed("GET,HEAD"),
        "/v2/stats/store" if get => stats::store(&**member),
        "/v2/stats/store" => Reply::method_not_allowed("GET"),
        path if path.starts_with("/v2/members") && get => members::get(&**member, path),
        path if path.starts_with("/v2/members") => Reply::method_not_allowed("GET"),
        _ => Reply::text(404, "404 page not found\n"),
    };
    reply.into_response()
}
