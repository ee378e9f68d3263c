//! Questions to one member over gRPC, each with a time limit and without retries.

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    HashKvRequest, HashKvResponse, Member, MemberListRequest, PutRequest, RangeRequest, RangeResponse,
    StatusRequest, StatusResponse, WatchCreateRequest, WatchRequest, watch_request::RequestUnion,
};
use oxetcd_grpc::etcdserverpb::{
    cluster_client::ClusterClient, kv_client::KvClient, maintenance_client::MaintenanceClient,
    watch_client::WatchClient,
};
use std::time::Duration;
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};

/// Longest time that an answer may take.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// A change that a member knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) revision: i64,
    pub(crate) key: Bytes,
    /// `None`: the key was removed.
    pub(crate) value: Option<Bytes>,
}

/// A connection that exists.
pub(crate) async fn connect(url: &str) -> Result<Channel, Status> {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL").connect_timeout(CONNECT_LIMIT);
    endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))
}

/// Waits for an answer, but not for ever.
pub(crate) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded("the test waits no longer");
    Ok(tokio::time::timeout(limit, answer).await.map_err(late)??.into_inner())
}

pub(crate) async fn maintenance(url: &str) -> Result<MaintenanceClient<Channel>, Status> {
    Ok(MaintenanceClient::new(connect(url).await?))
}

pub(crate) async fn cluster(url: &str) -> Result<ClusterClient<Channel>, Status> {
    Ok(ClusterClient::new(connect(url).await?))
}

pub(crate) async fn status(url: &str) -> Result<StatusResponse, Status> {
    within(ANSWER_LIMIT, maintenance(url).await?.status(StatusRequest {})).await
}

/// The members as this one knows them.
pub(crate) async fn members(url: &str, linearizable: bool) -> Result<Vec<Member>, Status> {
    let request = MemberListRequest { linearizable };
    Ok(within(ANSWER_LIMIT, cluster(url).await?.member_list(request)).await?.members)
}

/// A linearizable read.
pub(crate) async fn get(url: &str, key: &str) -> Result<RangeResponse, Status> {
    let request = RangeRequest { key: Bytes::copy_from_slice(key.as_bytes()), ..Default::default() };
    within(ANSWER_LIMIT, KvClient::new(connect(url).await?).range(request)).await
}

/// A write beside those that the clients' history knows.
pub(crate) async fn put(url: &str, key: &str, value: &str) -> Result<(), Status> {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let request = PutRequest { key: bytes(key), value: bytes(value), ..Default::default() };
    within(ANSWER_LIMIT, KvClient::new(connect(url).await?).put(request)).await.map(drop)
}

pub(crate) async fn hash_kv(url: &str, revision: i64) -> Result<HashKvResponse, Status> {
    within(ANSWER_LIMIT, maintenance(url).await?.hash_kv(HashKvRequest { revision })).await
}

/// All changes from the first to that of revision `until`.
pub(crate) async fn events(url: &str, until: i64) -> Result<Vec<Event>, Status> {
    let create = WatchCreateRequest {
        key: Bytes::from_static(b"\0"),
        range_end: Bytes::from_static(b"\0"),
        start_revision: 1,
        ..Default::default()
    };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = tokio_stream::StreamExt::chain(tokio_stream::once(request), tokio_stream::pending());
    let mut client = WatchClient::new(connect(url).await?).max_decoding_message_size(usize::MAX);
    let mut answers = within(ANSWER_LIMIT, client.watch(requests)).await?;
    let mut events: Vec<Event> = Vec::new();
    while events.last().is_none_or(|event| event.revision < until) {
        let next = tokio::time::timeout(ANSWER_LIMIT, answers.message()).await;
        let next = next.map_err(|_| Status::deadline_exceeded("no event comes"))??;
        let answer = next.ok_or_else(|| Status::unavailable("the watch ended"))?;
        if answer.canceled {
            return Err(Status::cancelled(format!("the watch was cancelled: {answer:?}")));
        }
        for event in answer.events {
            let put = event.r#type == 0;
            let kv = event.kv.ok_or_else(|| Status::data_loss("an event without a record"))?;
            events.push(Event { revision: kv.mod_revision, key: kv.key, value: put.then_some(kv.value) });
        }
    }
    Ok(events)
}
