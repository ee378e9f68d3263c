//! From a request to whoever answers it.

use super::{
    Options,
    cache::Cache,
    forward::{forward, read},
    frame,
    kv::KvProxy,
    members::Members,
    metrics::Metrics,
    pages,
    upstream::{Upstream, status},
    watch::WatchProxy,
};
use http::{Request, Response};
use hyper::body::Incoming;
use oxetcd_grpc::etcdserverpb::{kv_server::KvServer, watch_server::WatchServer};
use std::sync::Arc;
use tonic::{Status, body::Body, metadata::MetadataMap};
use tower::Service as _;

/// Room for a request's envelope beside its content.
const ENVELOPE_BYTES: usize = 512 << 10;

/// All that the proxy answers.
pub(crate) struct Routes {
    upstream: Upstream,
    metrics: Arc<Metrics>,
    members: Members,
    kv: KvServer<KvProxy>,
    watch: WatchServer<WatchProxy>,
    limit_bytes: usize,
    log_calls: bool,
}

impl Routes {
    pub(crate) fn new(upstream: Upstream, metrics: Arc<Metrics>, options: &Options) -> Self {
        let limit_bytes = options.max_send_bytes.saturating_add(ENVELOPE_BYTES);
        let kv = KvProxy { upstream: upstream.clone(), cache: Cache::default(), metrics: metrics.clone() };
        let kv = KvServer::new(kv);
        let watch = WatchServer::new(WatchProxy::new(upstream.clone(), metrics.clone()));
        let prefix = options.register.as_ref().map(|(prefix, _)| prefix.clone());
        Routes {
            members: Members { advertise: options.advertise.clone(), prefix },
            kv: kv.max_decoding_message_size(limit_bytes).max_encoding_message_size(usize::MAX),
            watch: watch.max_decoding_message_size(limit_bytes).max_encoding_message_size(usize::MAX),
            limit_bytes,
            log_calls: options.log_calls,
            upstream,
            metrics,
        }
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Answers a request of a client.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let kind = request.headers().get("content-type").map(|kind| kind.as_bytes());
        if !kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
            return self.page(request).await;
        }
        let path = request.uri().path().to_owned();
        if self.log_calls {
            tracing::info!(method = path, "a call");
        }
        match path.as_str() {
            "/etcdserverpb.Watch/Watch" => infallible(self.watch.clone().call(request.map(Body::new)).await),
            path if path.starts_with("/etcdserverpb.KV/") => {
                infallible(self.kv.clone().call(request.map(Body::new)).await)
            }
            "/etcdserverpb.Cluster/MemberList" => frame::answer(self.list_members(request).await),
            "/etcdserverpb.Lease/LeaseTimeToLive" if self.upstream.is_part() => {
                frame::answer(self.time_to_live(request).await)
            }
            _ => forward(&self.upstream, request, self.limit_bytes).await,
        }
    }

    /// Answers a plain request.
    pub(crate) async fn page(&self, request: Request<Incoming>) -> Response<Body> {
        pages::page(request.uri().path(), &self.upstream, &self.metrics).await
    }

    async fn list_members(
        &self,
        request: Request<Incoming>,
    ) -> Result<oxetcd_api::etcdserverpb::MemberListResponse, Status> {
        let (head, body) = request.into_parts();
        let message = frame::message(read(body, self.limit_bytes).await?)?;
        self.members.list(&self.upstream, &MetadataMap::from_headers(head.headers), message).await
    }

    /// Of the keys of a lease those that the client can see, by the names that it knows.
    async fn time_to_live(
        &self,
        request: Request<Incoming>,
    ) -> Result<oxetcd_api::etcdserverpb::LeaseTimeToLiveResponse, Status> {
        let (head, body) = request.into_parts();
        let message = frame::message(read(body, self.limit_bytes).await?)?;
        let keys = self.upstream.keys_for(&MetadataMap::from_headers(head.headers));
        keys.lease_time_to_live(message).await.map_err(|error| status(&error))
    }
}

fn infallible(answer: Result<Response<Body>, std::convert::Infallible>) -> Response<Body> {
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
