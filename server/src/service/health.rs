//! The health service of gRPC itself (`grpc.health.v1.Health`), which load balancers and probes ask.
//!
//! It knows one service, the one without a name: all of them together. That one serves as long as the process
//! takes requests at all.

use super::unary::{self, Reply};
use bytes::Bytes;
use futures::{Stream, StreamExt, future::BoxFuture, stream};
use std::{collections::HashMap, pin::Pin};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, server::ServerStreamingService};
use tonic_prost::ProstCodec;

/// The service.
#[derive(Clone)]
pub(crate) struct HealthService {
    /// Cancelled when the member stops.
    over: CancellationToken,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListResponse {
    #[prost(map = "string, message", tag = "1")]
    statuses: HashMap<String, CheckResponse>,
}

const SERVING: CheckResponse = CheckResponse { status: 1 };
const SERVICE_UNKNOWN: CheckResponse = CheckResponse { status: 3 };

impl HealthService {
    /// The service; its streams end when `over` is cancelled.
    pub(crate) fn new(over: CancellationToken) -> Self {
        HealthService { over }
    }

    /// Answers `Check`.
    ///
    /// # Errors
    /// When the service asked for is unknown.
    pub(crate) fn check(message: Bytes) -> Result<Reply, Status> {
        let request: CheckRequest = unary::decode(message)?;
        if request.service.is_empty() {
            return Ok(Reply::of(&SERVING));
        }
        Err(Status::not_found("unknown service"))
    }

    /// Answers `List`.
    pub(crate) fn list() -> Reply {
        Reply::of(&ListResponse { statuses: HashMap::from([(String::new(), SERVING)]) })
    }

    /// Answers `Watch`: with the state now, and with every change of it.
    pub(crate) async fn watch<B>(self, request: http::Request<B>) -> http::Response<tonic::body::Body>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        tonic::server::Grpc::new(ProstCodec::default()).server_streaming(self, request).await
    }
}

impl ServerStreamingService<CheckRequest> for HealthService {
    type Response = CheckResponse;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<CheckResponse, Status>> + Send>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        let known = request.into_inner().service.is_empty();
        let now = Ok(if known { SERVING } else { SERVICE_UNKNOWN });
        let over = self.over.clone();
        // Nothing changes until the member stops.
        let end = async move {
            over.cancelled().await;
            Err(crate::status::stopped())
        };
        let answers: Self::ResponseStream = Box::pin(stream::iter([now]).chain(stream::once(end)));
        Box::pin(async move { Ok(Response::new(answers)) })
    }
}
