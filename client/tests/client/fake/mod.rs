//! A server that does what a test tells it to.
#![allow(dead_code, unreachable_pub, missing_docs)]

use oxetcd_api::etcdserverpb::*;
use oxetcd_grpc::etcdserverpb::{
    auth_server::{Auth, AuthServer},
    cluster_server::{Cluster, ClusterServer},
    kv_server::{Kv, KvServer},
    lease_server::{Lease, LeaseServer},
    watch_server::{Watch, WatchServer},
};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::mpsc,
};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{TcpListenerStream, UnboundedReceiverStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::Router},
};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the server does, and what it has seen.
#[derive(Default)]
pub struct Script {
    /// Errors for the next calls of KV, one each; then calls succeed.
    pub errors: VecDeque<Status>,
    /// Tokens that calls carried.
    pub tokens: Vec<Option<String>>,
    /// KV calls that arrived.
    pub calls: usize,
    /// How often somebody logged in.
    pub logins: usize,
    /// Start revisions of watches that were asked for.
    pub watches: Vec<i64>,
    /// Events that each watch stream gets before it breaks.
    pub events_per_stream: i64,
    /// Whether watch streams stay open after their events.
    pub hold_streams: bool,
    /// TTLs that renewals are answered with, then 0.
    pub ttls: VecDeque<i64>,
    /// Revisions that answers to reads carry, then 0.
    pub revisions: VecDeque<i64>,
    /// The members of the cluster.
    pub members: Vec<Member>,
    /// The oldest token that watches and renewals take, by its number; 0 takes them without one.
    pub oldest_token: usize,
}

#[derive(Clone, Default)]
pub struct Fake(pub Arc<Mutex<Script>>);

/// A server on a runtime of its own, so that dropping it closes its connections too.
pub struct Running {
    pub endpoint: String,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Serves on a free port.
pub fn serve(services: Router) -> Running {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = listener.local_addr().expect("bound").to_string();
    listener.set_nonblocking(true).expect("a socket can be");
    let entered = runtime.enter();
    let listener = TcpListener::from_std(listener).expect("inside a runtime");
    drop(entered);
    runtime.spawn(services.serve_with_incoming(TcpListenerStream::new(listener)));
    Running { endpoint, runtime: Some(runtime) }
}

impl Fake {
    pub fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().expect("no test panics while it holds the script")
    }

    pub fn start(&self) -> Running {
        let services = Server::builder()
            .add_service(KvServer::new(self.clone()))
            .add_service(AuthServer::new(self.clone()))
            .add_service(ClusterServer::new(self.clone()))
            .add_service(WatchServer::new(self.clone()))
            .add_service(LeaseServer::new(self.clone()));
        serve(services)
    }

    /// With the next revision, if there is one to tell.
    fn header(&self) -> Option<ResponseHeader> {
        let revision = self.script().revisions.pop_front()?;
        Some(ResponseHeader { revision, ..Default::default() })
    }

    fn answer<Q, A: Default>(&self, request: &Request<Q>) -> Result<Response<A>, Status> {
        let mut script = self.script();
        script.calls += 1;
        let token = request.metadata().get("token").map(|token| token.to_str().expect("ASCII").to_owned());
        script.tokens.push(token);
        script.errors.pop_front().map_or_else(|| Ok(Response::new(A::default())), Err)
    }
}

/// What etcd says of a token that it does not know.
pub const INVALID_TOKEN: &str = "etcdserver: invalid auth token";

/// The number of a request's token.
fn token_number<T>(request: &Request<T>) -> usize {
    let token = request.metadata().get("token").and_then(|token| token.to_str().ok());
    token.and_then(|token| token.strip_prefix("token")?.parse().ok()).unwrap_or(0)
}

/// An address nobody listens at.
pub async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("bound").to_string()
}

#[tonic::async_trait]
impl Kv for Fake {
    type RangeStreamStream = Answers<RangeStreamResponse>;

    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let mut answer: Response<RangeResponse> = self.answer(&request)?;
        answer.get_mut().header = self.header();
        Ok(answer)
    }

    async fn range_stream(
        &self,
        _: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        let kv = |key: &'static str| oxetcd_api::mvccpb::KeyValue { key: key.into(), ..Default::default() };
        let header = Some(ResponseHeader { revision: 7, ..Default::default() });
        let pieces = [
            RangeResponse { kvs: vec![kv("a"), kv("b")], ..Default::default() },
            RangeResponse { header, kvs: vec![kv("c")], more: true, count: 9 },
        ];
        let pieces = pieces.map(|piece| Ok(RangeStreamResponse { range_response: Some(piece) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let mut answer: Response<PutResponse> = self.answer(&request)?;
        answer.get_mut().header = self.header();
        Ok(answer)
    }

    async fn delete_range(
        &self,
        _: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let mut answer: Response<TxnResponse> = self.answer(&request)?;
        answer.get_mut().header = self.header();
        Ok(answer)
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

#[tonic::async_trait]
impl Watch for Fake {
    type WatchStream = Answers<WatchResponse>;

    /// Events from the asked revision on, one a revision; then the stream breaks.
    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let token = token_number(&request);
        let mut requests = request.into_inner();
        let (sender, answers) = mpsc::unbounded_channel();
        let fake = self.clone();
        tokio::spawn(async move {
            // Watchers of one stream are told apart by it.
            let mut watch_id = -1;
            while let Ok(Some(request)) = requests.message().await {
                let Some(watch_request::RequestUnion::CreateRequest(create)) = request.request_union else {
                    continue;
                };
                if token < fake.script().oldest_token {
                    let cancel_reason = format!("rpc error: code = Unauthenticated desc = {INVALID_TOKEN}");
                    let refused = WatchResponse {
                        watch_id: -1,
                        created: true,
                        canceled: true,
                        cancel_reason,
                        ..Default::default()
                    };
                    let _ = sender.send(Ok(refused));
                    continue;
                }
                let count = {
                    let mut script = fake.script();
                    script.watches.push(create.start_revision);
                    script.events_per_stream
                };
                watch_id += 1;
                let header = |revision| Some(ResponseHeader { revision, ..Default::default() });
                let answer = || WatchResponse { header: header(100), watch_id, ..Default::default() };
                let first = WatchResponse { created: true, ..answer() };
                let _ = sender.send(Ok(first));
                for revision in create.start_revision..create.start_revision + count {
                    let kv = oxetcd_api::mvccpb::KeyValue { mod_revision: revision, ..Default::default() };
                    let event = oxetcd_api::mvccpb::Event { kv: Some(kv), ..Default::default() };
                    let _ = sender.send(Ok(WatchResponse { events: vec![event], ..answer() }));
                }
                if !fake.script().hold_streams {
                    let _ = sender.send(Err(Status::unavailable("broken")));
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(answers))))
    }
}

#[tonic::async_trait]
impl Cluster for Fake {
    async fn member_list(
        &self,
        _: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        let members = self.script().members.clone();
        Ok(Response::new(MemberListResponse { header: None, members }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn member_remove(
        &self,
        _: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn member_update(
        &self,
        _: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

#[tonic::async_trait]
impl Lease for Fake {
    type LeaseKeepAliveStream = Answers<LeaseKeepAliveResponse>;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let (fake, token) = (self.clone(), token_number(&request));
        let answers = request.into_inner().map(move |request| {
            if token < fake.script().oldest_token {
                return Err(Status::unauthenticated(INVALID_TOKEN));
            }
            let ttl = fake.script().ttls.pop_front().unwrap_or(0);
            request.map(|request| LeaseKeepAliveResponse { header: None, id: request.id, ttl })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_grant(
        &self,
        request: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        self.answer(&request)
    }

    async fn lease_revoke(
        &self,
        _: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn lease_time_to_live(
        &self,
        _: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn lease_leases(
        &self,
        _: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

macro_rules! auth_without {
    ($($name:ident($request:ty) -> $answer:ty;)*) => {
        #[tonic::async_trait]
        impl Auth for Fake {
            async fn authenticate(
                &self,
                _: Request<AuthenticateRequest>,
            ) -> Result<Response<AuthenticateResponse>, Status> {
                let mut script = self.script();
                script.logins += 1;
                let token = format!("token{}", script.logins);
                Ok(Response::new(AuthenticateResponse { header: None, token }))
            }
            $(
                async fn $name(&self, _: Request<$request>) -> Result<Response<$answer>, Status> {
                    Err(Status::unimplemented("not in this test"))
                }
            )*
        }
    };
}
auth_without! {
    auth_enable(AuthEnableRequest) -> AuthEnableResponse;
    auth_disable(AuthDisableRequest) -> AuthDisableResponse;
    auth_status(AuthStatusRequest) -> AuthStatusResponse;
    user_add(AuthUserAddRequest) -> AuthUserAddResponse;
    user_get(AuthUserGetRequest) -> AuthUserGetResponse;
    user_list(AuthUserListRequest) -> AuthUserListResponse;
    user_delete(AuthUserDeleteRequest) -> AuthUserDeleteResponse;
    user_change_password(AuthUserChangePasswordRequest) -> AuthUserChangePasswordResponse;
    user_grant_role(AuthUserGrantRoleRequest) -> AuthUserGrantRoleResponse;
    user_revoke_role(AuthUserRevokeRoleRequest) -> AuthUserRevokeRoleResponse;
    role_add(AuthRoleAddRequest) -> AuthRoleAddResponse;
    role_get(AuthRoleGetRequest) -> AuthRoleGetResponse;
    role_list(AuthRoleListRequest) -> AuthRoleListResponse;
    role_delete(AuthRoleDeleteRequest) -> AuthRoleDeleteResponse;
    role_grant_permission(AuthRoleGrantPermissionRequest) -> AuthRoleGrantPermissionResponse;
    role_revoke_permission(AuthRoleRevokePermissionRequest) -> AuthRoleRevokePermissionResponse;
}

/// Somebody who takes connections, hears the caller out and says this.
pub async fn impostor(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            if stream.read(&mut heard).await.is_ok() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    endpoint
}
