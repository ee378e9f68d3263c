//! The client's half of HTTP/1.1: a connection, requests on it, and why a request came to nothing.

use crate::{common::Common, handler::REMOVED_SENDER, headers, peer::Peer, url::PeerUrl};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, Limited, combinators::UnsyncBoxBody};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{error::Error, io, time::Duration};

/// A body to be sent.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, io::Error>;

/// Most bytes of an answer that says why not.
const REASON_LIMIT_BYTES: usize = 4 << 10;
/// How long the end of an answer may take after its beginning.
const REASON_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a peer was not reached, or would not have it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    #[error("it has no URL")]
    NoUrl,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{}", cause(.0))]
    Http(#[from] hyper::Error),
    #[error("it took too long")]
    Timeout,
    #[error("it says that this member was removed")]
    Removed,
    #[error("it does not know this member yet")]
    NotKnown,
    #[error("it belongs to the cluster {0}")]
    OtherCluster(String),
    #[error("its version does not go with ours")]
    Incompatible,
    #[error("it runs etcd 3.6 or later, which cannot read this cluster's v2 entries, and takes no part")]
    CannotReadV2,
    #[error("it answers {0}: {1}")]
    Refused(StatusCode, String),
}

impl PeerError {
    /// Whether somebody has to do something about it.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(self, PeerError::Refused(..)) || self.is_refusal()
    }

    /// Whether one of the two does not want to talk with the other, so that there is no hurry to try again.
    pub(crate) fn is_refusal(&self) -> bool {
        // What cannot be encrypted, and what TLS refuses on either side.
        let refused = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidData)
        };
        match self {
            PeerError::Incompatible
            | PeerError::OtherCluster(_)
            | PeerError::Removed
            | PeerError::CannotReadV2 => true,
            PeerError::Io(error) => refused(error),
            PeerError::Http(error) => cause(error).downcast_ref::<io::Error>().is_some_and(refused),
            PeerError::NoUrl | PeerError::Timeout | PeerError::NotKnown | PeerError::Refused(..) => false,
        }
    }
}

/// The innermost error: the outer ones only say that there was one.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}

pub(crate) fn empty() -> Outgoing {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: Bytes) -> Outgoing {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A request that says who asks. `None` if the path cannot be one.
pub(crate) fn request(
    common: &Common,
    method: Method,
    path: &str,
    content_type: Option<&'static str>,
    body: Outgoing,
) -> Request<Outgoing> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    *request.headers_mut() = common.headers();
    if let Some(content_type) = content_type {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    request
}

/// One connection to a peer.
pub(crate) struct Connection {
    sender: SendRequest<Outgoing>,
    host: HeaderValue,
    pub(crate) url: PeerUrl,
}

impl Connection {
    /// Connects to the URL in use of `peer`; if that fails, it is another one's turn.
    pub(crate) async fn open(peer: &Peer) -> Result<Connection, PeerError> {
        let url = peer.urls.pick().ok_or(PeerError::NoUrl)?;
        let opened = tokio::time::timeout(peer.common.dial_timeout, dial(&peer.common, url.clone())).await;
        let opened = opened.unwrap_or(Err(PeerError::Timeout));
        if opened.is_err() {
            peer.urls.failed(&url);
        }
        opened
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, PeerError> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Whether another request may be sent on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

async fn dial(common: &Common, url: PeerUrl) -> Result<Connection, PeerError> {
    let socket = common.connector.connect(&url).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // Ends when the sender and the answer's body are gone.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(error = %error, "a connection to a peer ended");
        }
    });
    let host = url.address().unwrap_or("localhost");
    let host = HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("localhost"));
    Ok(Connection { sender, host, url })
}

/// What an answer other than the one hoped for means.
pub(crate) async fn refusal(response: Response<Incoming>) -> PeerError {
    let status = response.status();
    let cluster = headers::text(response.headers(), &headers::CLUSTER_ID).to_owned();
    let text = read_text(response).await;
    match (status, text.trim_end()) {
        (StatusCode::GONE, _) => PeerError::Removed,
        (StatusCode::FORBIDDEN, text) if text.contains(REMOVED_SENDER) => PeerError::Removed,
        (StatusCode::PRECONDITION_FAILED, headers::INCOMPATIBLE) => PeerError::Incompatible,
        (StatusCode::PRECONDITION_FAILED, headers::OTHER_CLUSTER) => PeerError::OtherCluster(cluster),
        (StatusCode::NOT_FOUND, _) => PeerError::NotKnown,
        (_, text) => PeerError::Refused(status, text.to_owned()),
    }
}

async fn read_text(response: Response<Incoming>) -> String {
    let body = Limited::new(response.into_body(), REASON_LIMIT_BYTES).collect();
    match tokio::time::timeout(REASON_TIMEOUT, body).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        _ => String::new(),
    }
}
