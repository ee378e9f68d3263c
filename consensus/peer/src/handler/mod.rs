//! The server's half: what other members ask of this one under `/raft`.
//!
//! Every request says which version and which cluster it comes from, and is refused if these do not fit. A
//! sender that is not known yet says where it can be reached; it is kept in mind as one that may be answered,
//! for a member that joins hears from the others before it has read in the log that they exist.

mod answer;
mod body;

pub use body::PeerBody;

use crate::{
    ability,
    client::PeerError,
    headers::{self, PEER_URLS, RAFT_TO, READS_V2, SERVER_FROM, SERVER_VERSION},
    peers::Inner,
    snapshot::{self, Refusal},
    status::Id,
    stream::{Kind, Writer},
};
use answer::{forbidden, no_content, not_allowed, probing, text};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use oxetcd_consensus::raftpb::Message;
use prost::Message as _;
use std::{fmt, path::PathBuf, sync::Arc, time::Instant};

/// Most bytes of a posted message.
const POST_LIMIT_BYTES: usize = 512 << 20;

/// What a removed member is told about its message. Members for which it was not meant are refused in the same
/// way but for the words.
pub(crate) const REMOVED_SENDER: &str = "cannot process message from removed member";

type Answer = Response<PeerBody>;

/// Answers one request.
pub(crate) async fn handle<B>(inner: &Arc<Inner>, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: fmt::Display + Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path();
    if path == "/raft/probing" {
        return probing();
    }
    let method = match path {
        "/raft" | "/raft/snapshot" => Method::POST,
        _ if path.starts_with("/raft/stream/") => Method::GET,
        _ => return text(StatusCode::NOT_FOUND, "404 page not found"),
    };
    if request.method() != method {
        return not_allowed(&method);
    }
    // Whoever asked for a stream reads no refusal of a server without a version.
    let version = (method == Method::GET).then(|| inner.common.server_version_value.clone());
    let mut answer = match checked(inner, &request) {
        Err(why) => text(StatusCode::PRECONDITION_FAILED, why),
        Ok(()) => match path {
            "/raft" => post(inner, request).await,
            "/raft/snapshot" => receive_snapshot(inner, request).await,
            _ => stream(inner, path, request.headers()),
        },
    };
    if let Some(version) = version {
        answer.headers_mut().insert(SERVER_VERSION, version);
        answer.headers_mut().insert(READS_V2, HeaderValue::from_static("true"));
    }
    answer.headers_mut().insert(headers::CLUSTER_ID, inner.common.cluster_id_value.clone());
    answer
}

fn checked<B>(inner: &Inner, request: &Request<B>) -> Result<(), &'static str> {
    let common = &inner.common;
    headers::check(request.headers(), common.server_version, common.cluster_id).inspect_err(|why| {
        let from = headers::text(request.headers(), &SERVER_FROM);
        tracing::warn!(from, why, path = request.uri().path(), "a request of a peer is refused");
    })?;
    let peer = sender(request.headers()).and_then(|id| inner.known(id));
    if let Some(peer) = &peer {
        peer.ability.learn(request.headers());
    }
    if ability::said(request.headers()) != Some(false) || !common.host.has_v2() {
        return Ok(());
    }
    // It asks again and again: one line says it.
    match peer {
        Some(peer) => peer.status.failed("v2", &PeerError::CannotReadV2),
        None => tracing::debug!("somebody who is not known cannot read v2 entries and is refused"),
    }
    // In words that its log explains.
    Err(headers::INCOMPATIBLE)
}

/// Keeps in mind where the sender says that it can be reached.
fn keep_in_mind(inner: &Arc<Inner>, id: Option<u64>, headers: &HeaderMap) {
    let urls = headers::text(headers, &PEER_URLS);
    if let Some(id) = id.filter(|_| !urls.is_empty()) {
        inner.add_stranger(id, &urls.split(',').map(str::to_owned).collect::<Vec<_>>());
    }
}

fn sender(headers: &HeaderMap) -> Option<u64> {
    headers::parse_id(headers::text(headers, &SERVER_FROM))
}

/// A stream: the answer is its beginning, its body goes on.
fn stream(inner: &Arc<Inner>, path: &str, headers: &HeaderMap) -> Answer {
    let kinds = [Kind::MsgApp, Kind::Message];
    let found = kinds.into_iter().find_map(|kind| Some((kind, path.strip_prefix(kind.prefix())?)));
    let Some((kind, from)) = found else { return text(StatusCode::NOT_FOUND, "invalid path") };
    let Some(from) = headers::parse_id(from) else { return text(StatusCode::NOT_FOUND, "invalid from") };
    if inner.common.host.is_removed(from) {
        tracing::warn!(peer = %Id(from), "a removed member asks for a stream");
        return text(StatusCode::GONE, "removed member");
    }
    let Some(peer) = inner.peer(from) else {
        keep_in_mind(inner, Some(from), headers);
        tracing::debug!(peer = %Id(from), "a stream for somebody who is not known");
        return text(StatusCode::NOT_FOUND, "error sender not found");
    };
    if headers::parse_id(headers::text(headers, &RAFT_TO)) != Some(inner.common.id) {
        return text(StatusCode::PRECONDITION_FAILED, "to field mismatch");
    }
    peer.showed_up.notify_waiters();
    Response::new(PeerBody::stream(Writer::attach(peer, kind)))
}

/// One message.
async fn post<B>(inner: &Arc<Inner>, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: fmt::Display + Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let from = sender(request.headers());
    keep_in_mind(inner, from, request.headers());
    let failed = |why| {
        if let Some(peer) = from.and_then(|from| inner.peer(from)) {
            peer.observer.receive_failed();
        }
        text(StatusCode::BAD_REQUEST, why)
    };
    let body = match Limited::new(request.into_body(), POST_LIMIT_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::debug!(error = %error, "a post of a peer broke off");
            return failed("error reading raft message");
        }
    };
    let length = body.len() as u64;
    let Ok(message) = Message::decode(body) else { return failed("error unmarshalling raft message") };
    if let Some(peer) = inner.peer(message.from()) {
        peer.observer.received(length);
        peer.showed_up.notify_waiters();
    }
    step(inner, message)
}

/// Passes a message on to raft.
fn step(inner: &Inner, message: Message) -> Answer {
    match check_envelope(inner, &message) {
        Err(why) => forbidden(why),
        Ok(()) => {
            inner.common.host.step(message);
            no_content()
        }
    }
}

fn check_envelope(inner: &Inner, message: &Message) -> Result<(), &'static str> {
    let (from, to) = (message.from(), message.to());
    if inner.common.host.is_removed(from) {
        tracing::warn!(peer = %Id(from), "a message of a removed member");
        return Err(REMOVED_SENDER);
    }
    if to != inner.common.id {
        tracing::warn!(peer = %Id(from), to = %Id(to), "a message for another member");
        return Err("cannot process message to mismatch member");
    }
    Ok(())
}

/// A message and a database.
async fn receive_snapshot<B>(inner: &Arc<Inner>, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: fmt::Display,
{
    let from = sender(request.headers());
    keep_in_mind(inner, from, request.headers());
    let observer = inner.observer(from);
    let begun = Instant::now();
    observer.snapshot_receiving();
    let received = snapshot::receive(request.into_body(), |message| accept(inner, message)).await;
    observer.snapshot_receive_ended(received.is_ok().then(|| begun.elapsed()));
    match received {
        Ok((message, saved)) => {
            tracing::info!(from = %Id(message.from()), bytes = saved.bytes, took = ?begun.elapsed(), "received a snapshot");
            observer.received(saved.bytes);
            observer.snapshot_written(saved.took, saved.sync);
            step(inner, message)
        }
        Err(refusal) => {
            let (status, why) = match refusal {
                Refusal::BadRequest(why) => (StatusCode::BAD_REQUEST, why),
                Refusal::Failed(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
            };
            tracing::warn!(from = %Id(from.unwrap_or_default()), why, "a snapshot was not received");
            text(status, &why)
        }
    }
}

/// Where a database goes that comes with `message`.
fn accept(inner: &Inner, message: &Message) -> Result<PathBuf, Refusal> {
    check_envelope(inner, message).map_err(|why| Refusal::BadRequest(why.to_owned()))?;
    let metadata = message.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref());
    let index = metadata.map(|metadata| metadata.index()).filter(|&index| index > 0);
    let Some(index) = index else {
        return Err(Refusal::BadRequest("failed to decode raft message (no snapshot in it)".to_owned()));
    };
    tracing::info!(from = %Id(message.from()), index, "receiving a snapshot");
    Ok(inner.common.host.snapshot_path(index))
}
