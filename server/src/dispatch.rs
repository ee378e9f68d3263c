//! From a request to whoever answers it: gRPC by service and method, everything else to plain HTTP.

use crate::{
    access::{self, Credentials},
    audit::{Audit, Record, Seen},
    call::{Audited, Call, Ended, Metered, Sees, Until},
    gateway::{self, Calls, websocket},
    http::{Access, Http, Role, Text, boxed},
    metrics::Metrics,
    net::{Answer, Handler, Remote},
    service::{
        AuthService, ClusterService, ElectionService, HealthService, KvService, LeaseService, LocalKv,
        LockService, MaintenanceService, Others, Propose, Read, Reflection, WatchService, gate, range,
        unary::{self, Reply},
    },
    status,
    v2http::V2Api,
};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper::{Method, Request, body::Incoming};
use oxetcd_grpc::{
    etcdserverpb::{
        auth_server::AuthServer,
        cluster_server::ClusterServer,
        kv_server::{Kv, KvServer},
        lease_server::LeaseServer,
        maintenance_server::MaintenanceServer,
    },
    v3electionpb::election_server::ElectionServer,
    v3lockpb::lock_server::LockServer,
};
use parking_lot::Mutex;
use std::{fmt::Display, sync::Arc, time::SystemTime};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::Service;

/// Streams that last until somebody ends them.
const LASTING: [&str; 3] =
    ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive", "/v3electionpb.Election/Observe"];

/// What plain HTTP offers, and to whom.
pub(crate) struct Offer {
    /// Whose pages may call.
    pub(crate) access: Access,
    /// Whether there is a JSON gateway.
    pub(crate) gateway: bool,
    /// The v2 API, if there is one.
    pub(crate) v2: Option<V2Api>,
    /// Where calls are written down, if they are.
    pub(crate) audit: Option<Arc<Audit>>,
}

/// All services of a member.
pub(crate) struct Dispatch<M> {
    member: Arc<M>,
    metrics: Arc<Metrics>,
    http: Arc<Http<M>>,
    offer: Offer,
    kv: KvServer<KvService<M>>,
    watch: WatchService<M>,
    lease: LeaseServer<LeaseService<M>>,
    cluster: ClusterServer<ClusterService<M>>,
    maintenance: MaintenanceServer<MaintenanceService<M>>,
    auth: AuthServer<AuthService<M>>,
    lock: LockServer<LockService<M>>,
    election: ElectionServer<ElectionService<M>>,
    health: HealthService,
    reflection: Reflection,
    /// Cancelled when the member stops.
    closing: CancellationToken,
}

impl<M: Propose + Read + Others> Dispatch<M> {
    /// The services over `member`.
    pub(crate) fn new(
        member: Arc<M>,
        watch: WatchService<M>,
        health: HealthService,
        metrics: Arc<Metrics>,
        closing: CancellationToken,
        offer: Offer,
    ) -> Self {
        let limit = member.limits().max_message_bytes();
        macro_rules! server {
            ($kind:ident, $service:expr) => {
                $kind::new($service).max_decoding_message_size(limit).max_encoding_message_size(usize::MAX)
            };
        }
        let local = LocalKv::new(member.clone(), watch.clone());
        Dispatch {
            lock: server!(LockServer, LockService(local.clone())),
            election: server!(ElectionServer, ElectionService(local)),
            kv: server!(KvServer, KvService(member.clone())),
            watch,
            health,
            reflection: Reflection::default(),
            closing,
            lease: server!(LeaseServer, LeaseService(member.clone())),
            cluster: server!(ClusterServer, ClusterService(member.clone())),
            maintenance: server!(MaintenanceServer, MaintenanceService(member.clone())),
            auth: server!(AuthServer, AuthService(member.clone())),
            http: Arc::new(Http {
                member: member.clone(),
                metrics: metrics.clone(),
                role: Role::Client,
                v2: offer.v2.clone(),
            }),
            offer,
            metrics,
            member,
        }
    }

    /// What the caller shows, with a place for who that is if somebody wants to know.
    fn shown<B>(&self, request: &Request<B>) -> Option<Credentials> {
        let mut shown = Credentials::of(&*self.member, request)?;
        shown.seen = self.offer.audit.as_ref().map(|_| Seen::default());
        Some(shown)
    }

    /// Answers a hot call directly; see [`unary`].
    fn unary<B, F>(
        self: &Arc<Self>,
        path: &'static str,
        request: Request<B>,
        remote: Remote,
        answer: impl FnOnce(Arc<Self>, Bytes, Option<Credentials>, Remote) -> F + Send + 'static,
    ) -> Answer
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Send + Unpin + 'static,
        F: Future<Output = Result<Reply, Status>> + Send,
    {
        let this = self.clone();
        boxed(async move {
            let mut call = Call::begin(&this.metrics, path, request.headers());
            let limits = this.member.limits();
            let admitted = gate::admit(&*this.member, path, request.headers());
            let shown = this.shown(&request);
            let seen = shown.as_ref().and_then(|shown| shown.seen.clone());
            let (message, outcome) = match unary::read(request.into_body(), limits.max_message_bytes()).await
            {
                Ok(message) => {
                    call.received(1, message.len());
                    let outcome = match admitted {
                        Ok(()) => answer(this.clone(), message.clone(), shown, remote).await,
                        Err(status) => Err(status),
                    };
                    (message, outcome)
                }
                Err(status) => (Bytes::new(), Err(status)),
            };
            let answer_bytes = outcome.as_ref().ok().map(Reply::message_bytes);
            if let Some(bytes) = answer_bytes {
                call.sent(1, bytes);
            }
            let code = outcome.as_ref().map_or_else(Status::code, |_| Code::Ok);
            let took = call.end(code);
            if let Some(audit) = &this.offer.audit {
                let ended = SystemTime::now();
                audit.note(Record { ended, remote, seen, path: path.into(), code, took }, &message);
            }
            Ended { path, request: message, answer_bytes, remote, took }.log(limits.warn_request);
            outcome.map_or_else(Status::into_http, Reply::into_response)
        })
    }

    /// Answers any other call.
    fn streaming(self: &Arc<Self>, request: Request<Body>, remote: Remote) -> Answer {
        let this = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let mut call = Call::begin(&this.metrics, &path, request.headers());
            let is_stream = call.is_stream();
            let end = LASTING.contains(&&*path).then(|| {
                let closing = this.closing.clone().cancelled_owned();
                gate::end_of_stream(&*this.member, request.headers(), closing)
            });
            let mut request = request;
            let shown = this.shown(&request);
            if let Some(audit) = &this.offer.audit {
                let seen = shown.as_ref().and_then(|shown| shown.seen.clone());
                let (audit, path, kept) = (audit.clone(), path.clone(), Vec::new());
                call.audit(Audited { audit, path, remote, seen, kept });
            }
            let admitted = match gate::admit(&*this.member, &path, request.headers()) {
                Ok(()) => access::admit(&*this.member, &path, shown.as_ref()).await,
                refused => refused,
            };
            if let Some(shown) = shown {
                request.extensions_mut().insert(shown);
            }
            let call = Arc::new(Mutex::new(call));
            let request = request.map(|body| Metered::new(body, Sees::Requests, call.clone()));
            let response = match admitted {
                Ok(()) => status::in_reference_words(this.grpc(request).await?),
                Err(status) => status.into_http(),
            };
            let refusal = response.headers().contains_key(Status::GRPC_STATUS);
            if refusal {
                let status = Status::from_header_map(response.headers());
                call.lock().end(status.map_or(Code::Unknown, |status| status.code()));
            }
            if !is_stream {
                let took = call.lock().elapsed();
                let ended = Ended { path: &path, request: Bytes::new(), answer_bytes: None, remote, took };
                ended.log(this.member.limits().warn_request);
            }
            Ok(response.map(|body| {
                let body = match end {
                    Some(end) => Body::new(Until::new(body, end)),
                    None => body,
                };
                Body::new(Metered::new(body, Sees::Answers, call))
            }))
        })
    }

    fn kv_service(&self) -> KvService<M> {
        KvService(self.member.clone())
    }

    fn grpc(&self, request: Request<Metered<Body>>) -> Answer {
        let path = request.uri().path();
        match path.trim_start_matches('/').split_once('/').map_or(path, |(service, _)| service) {
            "etcdserverpb.KV" => self.kv.clone().call(request),
            "etcdserverpb.Watch" if path.ends_with("/Watch") => boxed(self.watch.clone().answer(request)),
            "etcdserverpb.Lease" => self.lease.clone().call(request),
            "etcdserverpb.Cluster" => self.cluster.clone().call(request),
            "etcdserverpb.Maintenance" => self.maintenance.clone().call(request),
            "etcdserverpb.Auth" => self.auth.clone().call(request),
            "v3lockpb.Lock" => self.lock.clone().call(request),
            "v3electionpb.Election" => self.election.clone().call(request),
            "grpc.reflection.v1.ServerReflection" => self.reflection.v1(request),
            "grpc.reflection.v1alpha.ServerReflection" => self.reflection.v1alpha(request),
            "grpc.health.v1.Health" if path.ends_with("/Watch") => boxed(self.health.clone().watch(request)),
            service => {
                let unknown = Status::unimplemented(format!("unknown service {service}"));
                boxed(async move { unknown.into_http::<Body>() })
            }
        }
    }
}

impl<M: Propose + Read + Others> Dispatch<M> {
    /// Answers plain HTTP.
    fn plain(self: &Arc<Self>, request: Request<Incoming>, remote: Remote) -> Answer {
        let this = self.clone();
        boxed(async move {
            if let Some(refusal) = this.offer.access.refusal(&request) {
                return refusal.into_response();
            }
            let through_gateway = this.offer.gateway && gateway::serves(request.uri().path());
            if through_gateway
                && this.member.machine().auth().is_enabled()
                && let Some(refusal) = Access::ambiguity(&request)
            {
                return refusal.into_response();
            }
            let origin = this.offer.access.origin(request.headers());
            let mut response = if request.method() == Method::OPTIONS {
                // A browser asks what it may before it asks the question.
                Text::ok("").with_type("").into_response()
            } else if through_gateway {
                let socket = websocket::wanted(request.headers());
                if socket && request.headers().contains_key(header::ORIGIN) && origin.is_none() {
                    // Browsers ask nobody before they open one, so it is for this side to refuse.
                    return Text::error(StatusCode::FORBIDDEN, "this origin is not on the list")
                        .into_response();
                }
                let request = request.map(Body::new);
                match socket {
                    true => websocket::open(this, request, remote),
                    false => gateway::answer(this, request, remote).await,
                }
            } else {
                this.http.answer(request).await
            };
            if let Some(origin) = origin {
                Access::allow(origin, response.headers_mut());
            }
            response
        })
    }

    /// Answers gRPC.
    fn rpc<B>(self: &Arc<Self>, request: Request<B>, remote: Remote) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // A method of the key-value service.
        macro_rules! hot {
            ($path:literal, $method:ident) => {
                self.unary($path, request, remote, |this, message, shown, from| async move {
                    let mut message = tonic::Request::new(unary::decode(message)?);
                    if let Some(shown) = shown {
                        message.extensions_mut().insert(shown);
                    }
                    if $path == "/etcdserverpb.KV/Txn" {
                        // It may read much, and then it matters who asks.
                        message.extensions_mut().insert(from);
                    }
                    let answer = this.kv_service().$method(message).await?;
                    Ok(Reply::of(answer.get_ref()))
                })
            };
        }
        self.member.admission().called();
        match request.uri().path() {
            "/etcdserverpb.KV/Put" => hot!("/etcdserverpb.KV/Put", put),
            "/etcdserverpb.KV/Txn" => hot!("/etcdserverpb.KV/Txn", txn),
            "/etcdserverpb.KV/DeleteRange" => hot!("/etcdserverpb.KV/DeleteRange", delete_range),
            "/etcdserverpb.KV/Range" => {
                self.unary(
                    "/etcdserverpb.KV/Range",
                    request,
                    remote,
                    |this, message, shown, from| async move {
                        range(this.member.clone(), message, shown, from).await
                    },
                )
            }
            "/grpc.health.v1.Health/Check" => {
                self.unary("/grpc.health.v1.Health/Check", request, remote, |_, message, _, _| async move {
                    HealthService::check(message)
                })
            }
            "/grpc.health.v1.Health/List" => {
                self.unary("/grpc.health.v1.Health/List", request, remote, |_, _, _, _| async {
                    Ok(HealthService::list())
                })
            }
            _ => self.streaming(request.map(Body::new), remote),
        }
    }
}

impl<M: Propose + Read + Others> Calls for Dispatch<M> {
    fn call(self: &Arc<Self>, request: Request<Body>, remote: Remote) -> Answer {
        self.rpc(request, remote)
    }

    fn max_message_bytes(&self) -> usize {
        self.member.limits().max_message_bytes()
    }
}

impl<M: Propose + Read + Others> Handler for Dispatch<M> {
    fn handle(self: &Arc<Self>, request: Request<Incoming>, remote: Remote) -> Answer {
        let content_type = request.headers().get(http::header::CONTENT_TYPE);
        if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            self.rpc(request, remote)
        } else {
            self.plain(request, remote)
        }
    }
}
