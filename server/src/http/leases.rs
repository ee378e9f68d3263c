//! What followers ask the leader about leases on behalf of their clients: renewals, and what is left of a lease.
//! Questions and answers are protobuf messages, as etcd's are.

use super::Text;
use crate::{
    service::{
        Propose, Read,
        lease_leader::{PROTOBUF, RENEWALS, Refusal, renew_here, time_to_live_here},
    },
    status,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Request, body::Incoming};
use oxetcd_api::{
    etcdserverpb::{LeaseKeepAliveRequest, LeaseKeepAliveResponse},
    leasepb::{LeaseInternalRequest, LeaseInternalResponse},
};
use prost::Message;
use std::time::Duration;

/// Most bytes of a question.
const BODY_LIMIT_BYTES: usize = 64 << 10;
/// Longest time that the asking member is kept waiting: it asks again, maybe somebody else.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Answers one question.
pub(crate) async fn answer<M: Propose + Read>(member: &M, request: Request<Incoming>) -> Text {
    if request.method() != Method::POST {
        return Text::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    }
    let renewal = request.uri().path() == RENEWALS;
    let body = match Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Text::error(StatusCode::PAYLOAD_TOO_LARGE, "request body too large");
        }
        Err(_) => return Text::error(StatusCode::BAD_REQUEST, "error reading body"),
    };
    let answered =
        async { if renewal { renewed(member, body).await } else { time_to_live(member, body).await } };
    match tokio::time::timeout(TIMEOUT, answered).await {
        Ok(Ok(answer)) => Text::ok_bytes(answer).with_type(PROTOBUF),
        Ok(Err(refused)) => refused,
        Err(_) => Text::error(
            StatusCode::REQUEST_TIMEOUT,
            "waiting for node to catch up its applied index has timed out",
        ),
    }
}

async fn renewed<M: Propose + Read>(member: &M, body: Bytes) -> Result<Vec<u8>, Text> {
    let LeaseKeepAliveRequest { id } = decode(body)?;
    let ttl = renew_here(member, id).await.map_err(|why| refused(why, StatusCode::BAD_REQUEST))?;
    Ok(LeaseKeepAliveResponse { header: None, id, ttl }.encode_to_vec())
}

async fn time_to_live<M: Propose + Read>(member: &M, body: Bytes) -> Result<Vec<u8>, Text> {
    let request: LeaseInternalRequest = decode(body)?;
    let request = request.lease_time_to_live_request.ok_or_else(unreadable)?;
    let answer = time_to_live_here(member, request).await;
    let mut answer = answer.map_err(|why| refused(why, StatusCode::INTERNAL_SERVER_ERROR))?;
    answer.header = Some(Default::default());
    Ok(LeaseInternalResponse { lease_time_to_live_response: Some(answer) }.encode_to_vec())
}

fn decode<T: Message + Default>(body: Bytes) -> Result<T, Text> {
    T::decode(body).map_err(|_| unreadable())
}

fn unreadable() -> Text {
    Text::error(StatusCode::BAD_REQUEST, "error unmarshalling request")
}

fn refused(why: Refusal, otherwise: StatusCode) -> Text {
    match why {
        Refusal::NotFound => Text::error(StatusCode::NOT_FOUND, "lease not found"),
        Refusal::NotNow(_) => Text::error(otherwise, status::not_primary().message()),
        Refusal::Failed(status) => Text::error(otherwise, status.message()),
    }
}
