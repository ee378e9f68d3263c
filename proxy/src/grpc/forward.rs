//! Calls that are passed on byte for byte.
//!
//! A call with one request message is read whole first. So it can be sent once more when the first connection turns out to
//! be gone before anything was written; a stream cannot, and its client opens another.

use super::upstream::{Upstream, status};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use tonic::{Status, body::Body};

/// Paths of calls whose client sends more than one message.
const STREAMS: [&str; 2] = ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"];
/// Headers of the one connection, not of the call.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "host", "proxy-connection", "upgrade"];

/// Reads the one message of a call, up to `limit_bytes`.
pub(crate) async fn read(body: Incoming, limit_bytes: usize) -> Result<Bytes, Status> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Status::resource_exhausted(
            format!("trying to send message larger than max ({limit_bytes} bytes)"),
        )),
        Err(error) => Err(Status::cancelled(error.to_string())),
    }
}

/// Passes a call on, and its answer back.
pub(crate) async fn forward(
    upstream: &Upstream,
    request: Request<Incoming>,
    limit_bytes: usize,
) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    OF_THE_CONNECTION.iter().for_each(|name| drop(head.headers.remove(*name)));
    // The path alone: the members' own names stand in the connection to them.
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse().unwrap_or_default();
    if STREAMS.contains(&head.uri.path()) {
        let request = Request::from_parts(head, Body::new(body));
        return upstream
            .client()
            .forward_stream(request)
            .await
            .unwrap_or_else(|error| status(&error).into_http());
    }
    let body = match read(body, limit_bytes).await {
        Ok(body) => body,
        Err(status) => return status.into_http(),
    };
    let make = || {
        let mut request = Request::new(Body::new(Full::new(body.clone())));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.uri.clone();
        *request.headers_mut() = head.headers.clone();
        request
    };
    upstream.client().forward(make).await.unwrap_or_else(|error| status(&error).into_http())
}
