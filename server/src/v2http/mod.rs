//! The v2 HTTP API: a tree of keys over plain HTTP and JSON, which etcd dropped with 3.6.
//!
//! Requests become entries of the same log as everything else, in the form of etcd 3.5, and are applied by
//! [`oxetcd_v2`]. Nothing of it is in the log or in the engine before the first write.

mod auth;
mod body;
mod form;
mod guard;
mod key_request;
mod keys;
mod log;
mod members;
mod path;
mod reply;
mod stats;
mod watch;

use crate::service::{Others, Propose, Read};
use http::Method;
use hyper::{Request, Response, body::Incoming};
use oxetcd_v2::{Code, V2Error};
use path::{Area, Route};
use reply::Reply;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

pub(crate) use path::is_ours;

/// Where other members ask whether this one reads entries of the v2 API; etcd's own servers have nothing there.
pub(crate) const SPOKEN: &str = "/v2/spoken";
/// Where the tree keeps the keys of clients.
const PREFIX: &str = "/1";
const JSON: &str = "application/json";
const DENIED: &str = "Insufficient credentials";

/// The v2 API of a listener.
#[derive(Clone, Debug)]
pub(crate) struct V2Api {
    /// Cancelled when the member stops: who waits then is told to go elsewhere by the end of the answer.
    pub(crate) closing: CancellationToken,
}

impl V2Api {
    /// Answers a request for a path that [`is_ours`].
    pub(crate) async fn answer<M: Propose + Read + Others>(
        &self,
        member: &Arc<M>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let route = match Route::of(request.uri().path(), request.uri().query()) {
            Ok(route) => route,
            Err(redirect) => return redirect.answer(request.method()).into_response(),
        };
        // It must be no way round the permissions of the other API: as long as it asks nobody who he is, it is closed
        // while that one does.
        if member.machine().auth().is_enabled() && !auth::is_enabled(&**member) {
            let refused = V2Error::request(Code::Unauthorized, DENIED);
            let keys = route.area == Area::Keys;
            let reply = if keys { Reply::refusal(&refused) } else { Reply::message(401, DENIED) };
            return reply.of_cluster(member.header().cluster_id).into_response();
        }
        match route.area {
            Area::Keys => keys::answer(member, request, &route.rest, &self.closing).await,
            Area::Members => members::answer(member, request, &route.rest).await.into_response(),
            Area::Machines => {
                read_only(&request, &[Method::GET, Method::HEAD], || members::machines(&**member))
            }
            Area::StoreStats => read_only(&request, &[Method::GET], || stats::store(&**member)),
            Area::OwnStats => read_only(&request, &[Method::GET], || stats::own(&**member)),
            Area::LeaderStats => read_only(&request, &[Method::GET], || stats::leader(&**member)),
            Area::Auth => auth::answer(member, request, &route.rest).await.into_response(),
            Area::Nowhere => Reply::text(404, "404 page not found\n").into_response(),
        }
    }
}

/// The answer to a request whose method is one of `methods`.
fn read_only(
    request: &Request<Incoming>,
    methods: &[Method],
    answer: impl FnOnce() -> Reply,
) -> Response<Body> {
    let reply =
        if methods.contains(request.method()) { answer() } else { Reply::method_not_allowed(methods) };
    reply.into_response()
}
