//! From a request to whoever answers it: gRPC by service and method, everything else to plain HTTP.

use crate::{
    http::{Http, boxed},
    metrics::Metrics,
    net::{Answer, Handler},
    service::{
        AuthService, ClusterService, KvService, LeaseService, MaintenanceService, Propose, Read,
        WatchService, range, unary,
    },
    status,
};
use hyper::{Request, body::Incoming};
use oxetcd_grpc::etcdserverpb::{
    auth_server::AuthServer,
    cluster_server::ClusterServer,
    kv_server::{Kv, KvServer},
    lease_server::LeaseServer,
    maintenance_server::MaintenanceServer,
};
use std::sync::Arc;
use tonic::{Status, body::Body};
use tower::Service;

/// All services of a member.
pub(crate) struct Dispatch<M> {
    member: Arc<M>,
    http: Arc<Http<M>>,
    kv: KvServer<KvService<M>>,
    watch: WatchService<M>,
    lease: LeaseServer<LeaseService<M>>,
    cluster: ClusterServer<ClusterService<M>>,
    maintenance: MaintenanceServer<MaintenanceService<M>>,
    auth: AuthServer<AuthService<M>>,
}

impl<M: Propose + Read> Dispatch<M> {
    /// The services over `member`.
    pub(crate) fn new(member: Arc<M>, watch: WatchService<M>, metrics: Arc<Metrics>) -> Self {
        let limit = member.limits().max_message_bytes();
        macro_rules! server {
            ($kind:ident, $service:expr) => {
                $kind::new($service).max_decoding_message_size(limit).max_encoding_message_size(usize::MAX)
            };
        }
        Dispatch {
            kv: server!(KvServer, KvService(member.clone())),
            watch,
            lease: server!(LeaseServer, LeaseService(member.clone())),
            cluster: server!(ClusterServer, ClusterService(member.clone())),
            maintenance: server!(MaintenanceServer, MaintenanceService(member.clone())),
            auth: server!(AuthServer, AuthService(member.clone())),
            http: Arc::new(Http { member: member.clone(), metrics }),
            member,
        }
    }

    /// Answers a hot call directly; see [`unary`].
    fn unary<Q, A, F>(
        self: &Arc<Self>,
        request: Request<Incoming>,
        call: impl FnOnce(Arc<Self>, Q) -> F + Send + 'static,
    ) -> Answer
    where
        Q: prost::Message + Default + 'static,
        A: prost::Message + 'static,
        F: Future<Output = Result<tonic::Response<A>, Status>> + Send,
    {
        let this = self.clone();
        boxed(async move {
            let limit = this.member.limits().max_message_bytes();
            let outcome = match unary::read(request.into_body(), limit).await {
                Ok(message) => call(this, message).await.map(tonic::Response::into_inner),
                Err(status) => Err(status),
            };
            unary::answer(outcome)
        })
    }

    fn kv_service(&self) -> KvService<M> {
        KvService(self.member.clone())
    }

    fn grpc(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        match (service, method) {
            ("etcdserverpb.KV", "Range") => boxed(range(self.member.clone(), request)),
            ("etcdserverpb.KV", "Put") => self.unary(request, |this, put| async move {
                this.kv_service().put(tonic::Request::new(put)).await
            }),
            ("etcdserverpb.KV", "Txn") => self.unary(request, |this, txn| async move {
                this.kv_service().txn(tonic::Request::new(txn)).await
            }),
            ("etcdserverpb.KV", "DeleteRange") => self.unary(request, |this, delete| async move {
                this.kv_service().delete_range(tonic::Request::new(delete)).await
            }),
            ("etcdserverpb.KV", _) => self.kv.clone().call(request),
            ("etcdserverpb.Watch", "Watch") => boxed(self.watch.clone().answer(request)),
            ("etcdserverpb.Lease", _) => self.lease.clone().call(request),
            ("etcdserverpb.Cluster", _) => self.cluster.clone().call(request),
            ("etcdserverpb.Maintenance", _) => self.maintenance.clone().call(request),
            ("etcdserverpb.Auth", _) => self.auth.clone().call(request),
            _ => {
                let unknown = Status::unimplemented(format!("unknown service {service}"));
                boxed(async move { unknown.into_http::<Body>() })
            }
        }
    }
}

impl<M: Propose + Read> Handler for Dispatch<M> {
    fn handle(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let content_type = request.headers().get(http::header::CONTENT_TYPE);
        if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            let answer = self.grpc(request);
            return Box::pin(async move { Ok(status::in_reference_words(answer.await?)) });
        }
        self.http.handle(request)
    }
}
