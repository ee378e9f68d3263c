//! gRPC's own health service.

use crate::support::Server;
use http::uri::PathAndQuery;
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SERVING: i32 = 1;
const SERVICE_UNKNOWN: i32 = 3;

async fn ready(channel: &Channel) -> Grpc<Channel> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("the server listens");
    grpc
}

async fn check(channel: &Channel, service: &str) -> Result<i32, Status> {
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let request = Request::new(CheckRequest { service: service.to_owned() });
    let answer = ready(channel).await.unary(request, path, ProstCodec::default()).await?;
    let answer: CheckResponse = answer.into_inner();
    Ok(answer.status)
}

async fn watch(channel: &Channel, service: &str) -> tonic::Streaming<CheckResponse> {
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
    let request = Request::new(CheckRequest { service: service.to_owned() });
    let answer = ready(channel).await.server_streaming(request, path, ProstCodec::default()).await;
    answer.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_as_a_whole_serves() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = Channel::from_shared(server.url())?.connect().await?;
    assert_eq!(check(&channel, "").await?, SERVING);
    let unknown = check(&channel, "etcdserverpb.KV").await.expect_err("only the whole is known");
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "unknown service"));
    let mut whole = watch(&channel, "").await;
    assert_eq!(whole.message().await?.map(|answer| answer.status), Some(SERVING));
    let mut other = watch(&channel, "nope").await;
    assert_eq!(other.message().await?.map(|answer| answer.status), Some(SERVICE_UNKNOWN));
    // A stream does not hold up the end.
    assert!(server.terminate().success());
    assert_eq!(whole.message().await.expect_err("the stream ends").code(), Code::Unavailable);
    Ok(())
}
