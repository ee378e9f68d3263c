//! Calls by the name of their method: one request in, the first answer out. So every method is called in the same way.

use crate::support::raw::Raw;
use bytes::Bytes;
use http::uri::PathAndQuery;
use std::time::Duration;
use tonic::{Request, Status, client::Grpc, transport::Channel};

/// Longest time that a call may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Calls `path` in the name of whoever `token` stands for.
pub async fn call(
    channel: &Channel,
    token: Option<&str>,
    path: &str,
    message: Bytes,
) -> Result<Bytes, Status> {
    let answered = tokio::time::timeout(LIMIT, call_now(channel, token, path, message)).await;
    answered.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")))
}

async fn call_now(
    channel: &Channel,
    token: Option<&str>,
    path: &str,
    message: Bytes,
) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let request = Request::new(futures::stream::iter([message]));
    let request = request_by(token, request);
    let path = PathAndQuery::try_from(path).map_err(|error| Status::internal(error.to_string()))?;
    let mut answers = client.streaming(request, path, Raw).await?.into_inner();
    Ok(answers.message().await?.unwrap_or_default())
}

fn request_by<T>(token: Option<&str>, mut request: Request<T>) -> Request<T> {
    if let Some(token) = token {
        request.metadata_mut().insert("token", token.parse().expect("a token is text"));
    }
    request
}
