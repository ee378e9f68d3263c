//! `/v2/keys`: reads, writes and waits.

use super::{
    DENIED, PREFIX,
    auth::Caller,
    body,
    form::Form,
    key_request::KeyRequest,
    log::{in_time, write},
    reply::Reply,
    watch,
};
use crate::{
    node::unix_nanos,
    service::{Others, Propose, Read},
};
use http::{Method, header};
use hyper::{Request, Response, body::Incoming};
use oxetcd_v2::{Action, Code, Event, V2Error};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

const FORM: &str = "application/x-www-form-urlencoded";
const METHODS: [Method; 5] = [Method::HEAD, Method::GET, Method::PUT, Method::POST, Method::DELETE];

/// Answers one request for `key`. Who waits, waits until `closing` at the longest.
pub(super) async fn answer<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
    key: &str,
    closing: &CancellationToken,
) -> Response<Body> {
    if !METHODS.contains(request.method()) {
        return Reply::method_not_allowed(&METHODS).into_response();
    }
    let cluster = member.header().cluster_id;
    answered(member, request, key, closing).await.unwrap_or_else(|error| {
        Reply::refusal(&error.without_prefix(PREFIX)).of_cluster(cluster).into_response()
    })
}

async fn answered<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
    key: &str,
    closing: &CancellationToken,
) -> Result<Response<Body>, V2Error> {
    let method = request.method().clone();
    let caller = Caller::of(&request);
    let bad_form = |cause: String| V2Error::request(Code::InvalidForm, cause);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = body_form(request).await.map_err(bad_form)?;
    let form = Form::parse(&[&body, &query]).map_err(bad_form)?;
    let KeyRequest { request, no_value } = KeyRequest::parse(&method, key, &form, unix_nanos())?;
    if !caller.may(&**member, key, request.recursive()).await {
        return Err(V2Error::request(Code::Unauthorized, DENIED));
    }
    let event = match method {
        Method::GET | Method::HEAD => {
            let quorum = method == Method::GET && request.quorum();
            if request.wait() && !quorum {
                return watch::watch(member, &request, closing);
            }
            if quorum {
                // No entry of the log is needed to know that nothing newer was acknowledged.
                in_time(&**member, member.barrier()).await?;
            }
            Arc::new(member.machine().v2().lock().get(request.path(), request.recursive(), unix_nanos())?)
        }
        _ => write(&**member, request).await?,
    };
    Ok(told(&**member, &event, no_value).into_response())
}

/// A form in the body of a request that may have one; empty for any other body.
async fn body_form(request: Request<Incoming>) -> Result<String, String> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let may = [Method::PUT, Method::POST].contains(request.method());
    if !may || !kind.eq_ignore_ascii_case(FORM) {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&body::read(request.into_body()).await?).into_owned())
}

/// The answer that tells of an event.
fn told<M: Read>(member: &M, event: &Event, no_value: bool) -> Reply {
    let (status, progress) = (if event.is_created() { 201 } else { 200 }, member.progress());
    let mut shown = event.without_prefix(PREFIX);
    if no_value
        && matches!(event.action, Action::Set | Action::Create | Action::Update | Action::CompareAndSwap)
    {
        (shown.node, shown.prev_node) = (None, None);
    }
    Reply::json(status, oxetcd_v2::to_json(&shown) + "\n")
        .of_cluster(member.header().cluster_id)
        .with("x-etcd-index", event.etcd_index)
        .with("x-raft-index", progress.committed)
        .with("x-raft-term", progress.term)
}
