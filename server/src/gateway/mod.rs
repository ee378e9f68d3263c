//! The JSON gateway: every call as `POST /v3/...`, for those who speak no gRPC.
//!
//! It is a client of this very member. A request becomes a gRPC request in memory and takes the way of all others,
//! so that limits, permissions and metrics hold for it without a word about them here. Nothing here knows a
//! single message: types come from the descriptors, and [`routes`] says which path is which method.
//!
//! A method that answers once gives its message; one that streams gives a line for each, `{"result": ...}`, and
//! `{"error": ...}` for a bad end. The request of a stream in both directions is a sequence of JSON values; its end
//! does not end the answers.

mod headers;
mod json;
mod messages;
mod requests;
mod review;
mod routes;
mod status_code;
pub(crate) mod websocket;

use crate::net::{Answer, Remote};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use messages::Messages;
use prost_reflect::MessageDescriptor;
use routes::Route;
use std::{sync::Arc, time::Instant};
use tonic::{Status, body::Body};

/// A message in JSON is no more than so many times as long: base64 makes four letters of three bytes.
const MAX_JSON_FACTOR: usize = 2;

/// What answers gRPC in this process.
pub(crate) trait Calls: Send + Sync + 'static {
    /// Answers one gRPC request.
    fn call(self: &Arc<Self>, request: Request<Body>, remote: Remote) -> Answer;

    /// Size of the largest message, in bytes.
    fn max_message_bytes(&self) -> usize;
}

/// Whether `path` is one for the gateway.
pub(crate) fn serves(path: &str) -> bool {
    routes::below(path).is_some()
}

/// Answers a request whose path it [serves](serves).
pub(crate) async fn answer<C: Calls>(
    calls: Arc<C>,
    request: Request<Body>,
    remote: Remote,
) -> Response<Body> {
    let Some(route) = routes::below(request.uri().path()).and_then(routes::find) else {
        return refused(&Status::not_found("Not Found"));
    };
    if request.method() != Method::POST {
        return refused(&Status::unimplemented("Method Not Allowed"));
    }
    let timeout = match headers::timeout(request.headers()) {
        Ok(timeout) => timeout,
        Err(text) => {
            return refused(&Status::invalid_argument(format!("invalid grpc-timeout: {text}")));
        }
    };
    let streams = route.method.is_server_streaming();
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let answered = async {
        let messages = call(route, &calls, request, remote, deadline).await?;
        if streams { many(messages, route.method.output()).await } else { one(messages, route).await }
    };
    let answered = match deadline {
        Some(deadline) => until(deadline, answered).await,
        None => answered.await,
    };
    answered.unwrap_or_else(|status| refused(&status))
}

/// What is answered by then. Timers are coarse: an answer may be there before they notice that its time is over.
async fn until<T>(deadline: Instant, answered: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let answer = tokio::time::timeout_at(deadline.into(), answered).await.unwrap_or_else(|_| Err(late()))?;
    if is_over(deadline) { Err(late()) } else { Ok(answer) }
}

fn is_over(deadline: Instant) -> bool {
    Instant::now() > deadline
}

fn late() -> Status {
    Status::deadline_exceeded("context deadline exceeded")
}

/// Begins the call behind a request.
async fn call<C: Calls>(
    route: &Route,
    calls: &Arc<C>,
    request: Request<Body>,
    remote: Remote,
    deadline: Option<Instant>,
) -> Result<Messages, Status> {
    let limit_bytes = calls.max_message_bytes().saturating_mul(MAX_JSON_FACTOR);
    let (head, body) = request.into_parts();
    let kind = route.method.input();
    let body = if route.method.is_client_streaming() {
        Body::new(StreamBody::new(requests::stream(body, kind, limit_bytes)))
    } else {
        let text = requests::whole(body, limit_bytes).await?;
        Body::new(Full::new(json::framed(&json::decode(kind, &text)?)))
    };
    if deadline.is_some_and(is_over) {
        // Nobody waits any more; nothing has been asked yet.
        return Err(late());
    }
    let mut inner = Request::new(body);
    *inner.method_mut() = Method::POST;
    *inner.version_mut() = Version::HTTP_2;
    *inner.headers_mut() = headers::of_call(&head.headers);
    // With who the client has proved to be.
    *inner.extensions_mut() = head.extensions;
    let path = http::Uri::try_from(route.grpc_path.as_str());
    *inner.uri_mut() = path.map_err(|error| Status::internal(error.to_string()))?;
    match calls.call(inner, remote).await {
        Ok(response) => Ok(Messages::of(response)),
    }
}

/// The answer of a method that answers once.
async fn one(mut messages: Messages, route: &Route) -> Result<Response<Body>, Status> {
    let message = messages.next().await?.unwrap_or_default();
    let mut text = Vec::with_capacity(message.len() * 2);
    json::encode(route.method.output(), message, &mut text)?;
    let mut response = of_json(StatusCode::OK, Full::new(text.into()));
    response.headers_mut().insert("grpc-metadata-content-type", HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// The answers of a method that streams. Nothing is sent before the first of them, which may be an error.
async fn many(mut messages: Messages, kind: MessageDescriptor) -> Result<Response<Body>, Status> {
    let first = match messages.next().await {
        Ok(Some(first)) => line(kind.clone(), first)?,
        Ok(None) => return Ok(of_json(StatusCode::OK, Full::new(Bytes::new()))),
        Err(status) => {
            return Ok(of_json(status_code::of(status.code()), Full::new(last_line(&status))));
        }
    };
    let rest = futures::stream::unfold(Some((messages, kind)), |state| async move {
        let (mut messages, kind) = state?;
        let next = match messages.next().await {
            Ok(None) => return None,
            Ok(Some(message)) => line(kind.clone(), message),
            Err(status) => Err(status),
        };
        Some(match next {
            Ok(line) => (line, Some((messages, kind))),
            Err(status) => (last_line(&status), None),
        })
    });
    let lines = futures::StreamExt::chain(futures::stream::iter([first]), rest);
    let frames = futures::StreamExt::map(lines, |line| Ok::<_, Status>(Frame::data(line)));
    Ok(of_json(StatusCode::OK, StreamBody::new(frames)))
}

fn line(kind: MessageDescriptor, message: Bytes) -> Result<Bytes, Status> {
    let mut text = Vec::with_capacity(message.len() * 2);
    text.extend_from_slice(b"{\"result\":");
    json::encode(kind, message, &mut text)?;
    text.extend_from_slice(b"}\n");
    Ok(text.into())
}

fn last_line(status: &Status) -> Bytes {
    format!("{{\"error\":{}}}\n", json::failure(status)).into()
}

fn refused(status: &Status) -> Response<Body> {
    let text = json::failure(status).to_string();
    let mut response = of_json(status_code::of(status.code()), Full::new(text.into()));
    if response.status() == StatusCode::UNAUTHORIZED
        && let Ok(words) = HeaderValue::from_str(status.message())
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, words);
    }
    response
}

fn of_json<B>(status: StatusCode, body: B) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
