//! `/v2/keys`: reads, writes and waits.

use super::{
    PREFIX,
    form::{Form, unescape},
    guard,
    key_request::KeyRequest,
    reply::Reply,
    watch,
};
use crate::{
    node::unix_nanos,
    service::{Others, Propose, Read},
    status,
};
use http::{Method, header};
use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming};
use oxetcd_api::etcdserverpb;
use oxetcd_machine::{ApplyError, Response as Applied};
use oxetcd_v2::{Action, Code, Event, V2Error};
use std::sync::Arc;
use tonic::{Status, body::Body};

/// Most bytes of a form, as in Go.
const FORM_LIMIT_BYTES: usize = 10 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers one request.
pub(super) async fn answer<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
) -> Response<Body> {
    let cluster = member.header().cluster_id;
    match answered(member, request).await {
        Ok(response) => response,
        Err(Refused::Method) => Reply::method_not_allowed("HEAD,GET,PUT,POST,DELETE").into_response(),
        Err(Refused::Request(error)) => {
            Reply::refusal(&error.without_prefix(PREFIX)).of_cluster(cluster).into_response()
        }
    }
}

enum Refused {
    Method,
    Request(V2Error),
}

impl From<V2Error> for Refused {
    fn from(error: V2Error) -> Self {
        Refused::Request(error)
    }
}

async fn answered<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    let method = request.method().clone();
    if ![Method::HEAD, Method::GET, Method::PUT, Method::POST, Method::DELETE].contains(&method) {
        return Err(Refused::Method);
    }
    let bad_form = |cause: String| V2Error::request(Code::InvalidForm, cause);
    let path = unescape(request.uri().path(), false).map_err(bad_form)?;
    let key = path.strip_prefix("/v2/keys").unwrap_or_default().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = body_form(request).await.map_err(bad_form)?;
    let form = Form::parse(&[&body, &query]).map_err(bad_form)?;
    let KeyRequest { request, no_value } = KeyRequest::parse(&method, &key, &form, unix_nanos())?;
    let event = match method {
        Method::GET | Method::HEAD => {
            let quorum = method == Method::GET && request.quorum();
            if request.wait() && !quorum {
                return Ok(watch::watch(member, &request)?);
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
    let body = Limited::new(request.into_body(), FORM_LIMIT_BYTES).collect().await;
    let body = body.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
        true => "http: POST too large".to_owned(),
        false => error.to_string(),
    })?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// Waits for something as long as a request may take.
async fn in_time<M: Read, T>(
    member: &M,
    what: impl Future<Output = Result<T, Status>>,
) -> Result<T, V2Error> {
    let done = tokio::time::timeout(member.limits().request_timeout, what).await;
    done.unwrap_or_else(|_| Err(status::timeout())).map_err(|error| internal(error.message()))
}

fn internal(cause: &str) -> V2Error {
    V2Error::request(Code::RaftInternal, cause)
}

/// Has the log carry a request, and waits until it is applied here.
async fn write<M: Propose + Read + Others>(
    member: &M,
    request: etcdserverpb::Request,
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
        Ok(Applied::V2(Some(event))) => Ok(event),
        Ok(_) => Err(internal("received response with no Event/Watcher")),
        Err(ApplyError::V2(error)) => Err(error),
        Err(error) => Err(internal(status::of_apply(&error).message())),
    }
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
