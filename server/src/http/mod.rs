//! Plain HTTP beside gRPC: health, version, metrics.

mod health;
mod text;

use crate::{
    metrics::Metrics,
    net::{Answer, Handler, Remote},
    service::Read,
};
use hyper::{Request, body::Incoming};
use oxetcd_machine::meta;
use std::sync::Arc;

pub(crate) use text::Text;

/// Answers plain HTTP requests of a member.
pub(crate) struct Http<M> {
    /// The member.
    pub(crate) member: Arc<M>,
    /// What `/metrics` shows.
    pub(crate) metrics: Arc<Metrics>,
}

impl<M: Read> Http<M> {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> http::Response<tonic::body::Body> {
        let uri = request.uri();
        let (path, query) = (uri.path(), uri.query().unwrap_or(""));
        let get = request.method() == http::Method::GET;
        let answer = match path {
            "/health" if get => health::health(&*self.member, query).await,
            "/livez" | "/readyz" if get => health::checks(&*self.member, path, query).await,
            "/health" | "/livez" | "/readyz" => Text::method_not_allowed("GET"),
            "/version" if get => self.version(),
            "/version" => Text::method_not_allowed("GET"),
            "/metrics" => {
                Text::ok(self.metrics.render()).with_type("text/plain; version=0.0.4; charset=utf-8")
            }
            _ => match path.strip_prefix("/livez/").or_else(|| path.strip_prefix("/readyz/")) {
                Some(_) if get => health::single_check(&*self.member, path).await,
                _ => Text::not_found(),
            },
        };
        answer.into_response()
    }

    fn version(&self) -> Text {
        let cluster = self.member.machine().members().cluster_version();
        let storage = meta::storage_version(self.member.machine().buffer()).ok().flatten();
        let body = format!(
            r#"{{"etcdserver":"{}","etcdcluster":"{}","storage":"{}"}}"#,
            crate::VERSION,
            cluster.as_deref().unwrap_or("not_decided"),
            storage.as_deref().unwrap_or("unknown"),
        );
        Text::ok(body).with_type("application/json")
    }
}

impl<M: Read> Handler for Http<M> {
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
