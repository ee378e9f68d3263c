//! What members serve beside gRPC: metrics, health, version.
//!
//! It is on the same port. Without encryption a port takes HTTP/2 for gRPC, so plain requests are HTTP/1.1; on an encrypted
//! connection HTTP/2 was agreed upon in the handshake, and carries both.

use crate::{
    Client, Endpoint,
    transport::{TlsNeed, connect},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{error::Error, io};

/// Largest answer in bytes; a member with many clients has a megabyte of metrics.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

impl Client {
    /// Gets a page, such as `/metrics`, from the member behind `endpoint`; whatever the status, its body is returned.
    ///
    /// # Errors
    /// When the member cannot be reached, or does not speak HTTP there.
    pub async fn http_get(&self, endpoint: &str, path: &str) -> io::Result<Bytes> {
        let endpoint = Endpoint::parse(endpoint);
        let tls = self.inner.config.tls.as_ref();
        let encrypted = match endpoint.tls {
            TlsNeed::Never => false,
            TlsNeed::Always => true,
            TlsNeed::IfConfigured => tls.is_some(),
        };
        let stream = TokioIo::new(connect(&endpoint, tls).await?);
        let (scheme, name) = (if encrypted { "https" } else { "http" }, &endpoint.server_name);
        let answer = if encrypted {
            let uri = format!("{scheme}://{name}{path}");
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.map_err(failed)?;
            tokio::spawn(connection);
            sender.send_request(request(&uri, name)?).await
        } else {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(failed)?;
            tokio::spawn(connection);
            sender.send_request(request(path, name)?).await
        };
        let body = Limited::new(answer.map_err(failed)?.into_body(), MAX_ANSWER_BYTES);
        Ok(body.collect().await.map_err(failed)?.to_bytes())
    }
}

fn request(uri: &str, host: &str) -> io::Result<http::Request<Empty<Bytes>>> {
    let request = http::Request::get(uri).header(http::header::HOST, host);
    request.body(Empty::new()).map_err(failed)
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
