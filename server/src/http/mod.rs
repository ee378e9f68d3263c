//! Plain HTTP beside gRPC: health, version, metrics, and what peers ask.
//!
//! Which paths exist depends on the listener: operators may open the one for metrics to more people than the
//! one for clients, so it tells less.

mod access;
mod debug;
mod health;
mod leases;
mod log_level;
mod peer;
mod promote;
mod raft;
mod text;

use crate::{
    cluster::version_monitor,
    metrics::Metrics,
    net::{Answer, Handler, Remote},
    service::{Others, Propose, Read},
    v2http::{self, V2Api},
};
use http::{Method, StatusCode};
use hyper::{Request, body::Incoming};
use oxetcd_machine::meta;
use std::sync::Arc;

pub(crate) use access::Access;
pub(crate) use raft::PeerHttp;
pub(crate) use text::Text;

/// Whom a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Clients.
    Client,
    /// Probes and scrapers.
    Metrics,
    /// Other members.
    Peer,
}

/// Answers plain HTTP requests of a member.
pub(crate) struct Http<M> {
    /// The member.
    pub(crate) member: Arc<M>,
    /// What `/metrics` shows.
    pub(crate) metrics: Arc<Metrics>,
    /// Whom the listener is for.
    pub(crate) role: Role,
    /// The v2 API, if clients find one here.
    pub(crate) v2: Option<V2Api>,
}

impl<M: Propose + Read + Others> Http<M> {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> http::Response<tonic::body::Body> {
        match self.role {
            Role::Peer => peer::answer(&self.member, request).await.into_response(),
            Role::Metrics => self.observed(&request).await.unwrap_or_else(Text::not_found).into_response(),
            Role::Client => {
                if let Some(v2) = self.v2.as_ref().filter(|_| v2http::is_ours(request.uri().path())) {
                    return v2.answer(&self.member, request).await;
                }
                let answer = match self.observed(&request).await {
                    Some(answer) => answer,
                    None if request.uri().path() == RAISE => self.raise_version(&request).await,
                    None if request.uri().path() == log_level::PATH => {
                        log_level::answer(&*self.member, request).await
                    }
                    None => self.told(&request),
                };
                answer.into_response()
            }
        }
    }

    /// Answers what probes and scrapers ask; `None` for other paths.
    async fn observed(&self, request: &Request<Incoming>) -> Option<Text> {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
        let get = request.method() == Method::GET;
        match path {
            "/health" if get => Some(health::health(&*self.member, query).await),
            "/health" => Some(Text::method_not_allowed("GET")),
            "/metrics" => Some(Text::ok(self.metrics.render()).with_type(EXPOSITION)),
            _ => health::probe(&*self.member, path, query, get).await,
        }
    }

    /// Raises the cluster's version; see [`version_monitor`].
    async fn raise_version(&self, request: &Request<Incoming>) -> Text {
        if request.method() != Method::POST {
            return Text::method_not_allowed("POST");
        }
        match version_monitor::raise(&*self.member).await {
            Ok(_) => version(&*self.member),
            Err(status) => Text::error(StatusCode::SERVICE_UNAVAILABLE, status.message()),
        }
    }

    /// Answers what only clients ask.
    fn told(&self, request: &Request<Incoming>) -> Text {
        let get = request.method() == Method::GET;
        match request.uri().path() {
            "/version" | "/debug/vars" if !get => Text::method_not_allowed("GET"),
            "/version" => version(&*self.member),
            "/debug/vars" => debug::vars(&*self.member),
            _ => Text::not_found(),
        }
    }
}

/// Where the cluster's version is raised.
const RAISE: &str = "/cluster/version/raise";
/// Type of the text format of Prometheus, as Go's library says it.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// Answers `/version`.
fn version<M: Read>(member: &M) -> Text {
    let cluster = member.machine().members().cluster_version();
    let storage = meta::storage_version(member.machine().buffer()).ok().flatten();
    let body = format!(
        r#"{{"etcdserver":"{}","etcdcluster":"{}","storage":"{}"}}"#,
        crate::VERSION,
        cluster.as_deref().unwrap_or("not_decided"),
        storage.as_deref().unwrap_or("unknown"),
    );
    Text::ok(body).with_type("application/json")
}

/// An error of this member's own.
fn internal(error: impl std::fmt::Display) -> Text {
    Text::error(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

impl<M: Propose + Read + Others> Handler for Http<M> {
    fn handle(self: &Arc<Self>, request: Request<Incoming>, _: Remote) -> Answer {
        let this = self.clone();
        boxed(async move { this.answer(request).await })
    }
}

/// Boxes an answer for the accept loop.
pub(crate) fn boxed(
    answer: impl Future<Output = http::Response<tonic::body::Body>> + Send + 'static,
) -> Answer {
    Box::pin(async move { Ok(answer.await) })
}
