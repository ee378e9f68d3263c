//! What members serve beside gRPC: metrics, health, version.
//!
//! It is on the same port. Without encryption a port takes HTTP/2 for gRPC, so plain requests are HTTP/1.1; on an encrypted
//! connection HTTP/2 was agreed upon in the handshake, and carries both.

use crate::{
    Client, Endpoint, TlsConnector,
    transport::{TlsNeed, connect},
};
use bytes::Bytes;
use http::{
    Request, Response, Uri,
    header::{HOST, HeaderValue},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{error::Error, io, sync::Arc};

/// Largest answer in bytes; a member with many clients has a megabyte of metrics, a v2 tree may have many.
const MAX_ANSWER_BYTES: usize = 1024 * 1024 * 1024;

impl Client {
    /// Gets a page, such as `/metrics`, from the member behind `endpoint`; whatever the status, its body is returned.
    ///
    /// # Errors
    /// When the member cannot be reached, or does not speak HTTP there.
    pub async fn http_get(&self, endpoint: &str, path: &str) -> io::Result<Bytes> {
        let request = Request::get(path).body(Bytes::new()).map_err(failed)?;
        let tls = self.inner.config.tls.as_ref();
        Ok(http_exchange(&Endpoint::parse(endpoint), tls, request).await?.into_body())
    }
}

/// Sends a request to the member behind `endpoint`, on a connection of its own, and waits for the whole answer. The
/// request's URI is path and query; the rest of it, and the header `Host`, come from the endpoint.
///
/// # Errors
/// When the member cannot be reached, or does not speak HTTP there.
pub async fn http_exchange(
    endpoint: &Endpoint,
    tls: Option<&Arc<dyn TlsConnector>>,
    mut request: Request<Bytes>,
) -> io::Result<Response<Bytes>> {
    let encrypted = match endpoint.tls {
        TlsNeed::Never => false,
        TlsNeed::Always => true,
        TlsNeed::IfConfigured => tls.is_some(),
    };
    let stream = TokioIo::new(connect(endpoint, tls).await?);
    let name = &endpoint.server_name;
    request.headers_mut().insert(HOST, HeaderValue::from_str(name).map_err(failed)?);
    let answer = if encrypted {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("https://{name}{path}").parse().map_err(failed)?;
        *request.uri_mut() = uri;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.map_err(failed)?;
        tokio::spawn(connection);
        sender.send_request(request.map(Full::new)).await
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(failed)?;
        tokio::spawn(connection);
        sender.send_request(request.map(Full::new)).await
    };
    let (head, body) = answer.map_err(failed)?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(failed)?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
