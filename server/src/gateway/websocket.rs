//! The gateway over a web socket, for pages: a browser can neither send a body bit by bit nor read an answer that
//! does not end, so a watch from a page needs this.
//!
//! Each message of the client is a JSON value, each message back a line of the answer. Behind it is the very same
//! request as without a socket, with `POST` for its method. A method that takes one value takes the first message.
//! A page cannot set headers either, so a user's token may come as a sub-protocol: `Bearer, TOKEN`.

use super::{Calls, MAX_JSON_FACTOR, answer, routes};
use crate::net::Remote;
use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt, channel::mpsc, stream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use tonic::{Status, body::Body};

/// Messages of the client that may wait for the call.
const WAITING: usize = 16;
/// How a token is announced among the sub-protocols.
const BEARER: &str = "Bearer";
/// Buffers of one socket, in bytes: there may be many, and most are quiet.
const BUFFER_BYTES: usize = 4 << 10;

/// Whether a request asks for a web socket.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    let lists = |name, what: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(what))
    };
    lists(header::CONNECTION, "upgrade") && lists(header::UPGRADE, "websocket")
}

/// Turns the connection of `request` into a socket, and answers on it.
pub(crate) fn open<C: Calls>(calls: Arc<C>, mut request: Request<Body>, remote: Remote) -> Response<Body> {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| version.is_some_and(|v| v == "13"))
    else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    };
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let token = token(headers);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = response.headers_mut();
    out.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    out.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = accept {
        out.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if token.is_some() {
        out.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(BEARER));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(connection) => {
                let limit = calls.max_message_bytes().saturating_mul(MAX_JSON_FACTOR);
                let config = WebSocketConfig::default()
                    .read_buffer_size(BUFFER_BYTES)
                    .write_buffer_size(BUFFER_BYTES)
                    .max_message_size(Some(limit))
                    .max_frame_size(Some(limit));
                let socket =
                    WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, Some(config))
                        .await;
                serve(calls, socket, request, token, remote).await;
            }
            Err(error) => tracing::debug!(%error, "a web socket was not opened"),
        }
    });
    response
}

/// The token that a page sends as a sub-protocol, as a header has it.
fn token(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?.split(',').map(str::trim);
    protocols.next().filter(|first| *first == BEARER)?;
    HeaderValue::try_from(format!("{BEARER} {}", protocols.next()?)).ok()
}

/// Answers on an open socket until either side has enough.
async fn serve<C, S>(
    calls: Arc<C>,
    socket: S,
    request: Request<Body>,
    token: Option<HeaderValue>,
    remote: Remote,
) where
    C: Calls,
    S: Stream<Item = Result<Message, tungstenite::Error>> + Sink<Message, Error = tungstenite::Error> + Send,
{
    let (mut out, mut incoming) = socket.split();
    let (mut values, body) = mpsc::channel::<Bytes>(WAITING);
    let frames = body.map(|value| Ok::<_, Status>(Frame::data(value)));
    let (mut head, _) = request.into_parts();
    head.method = Method::POST;
    if let Some(token) = token {
        head.headers.insert(header::AUTHORIZATION, token);
    }
    let one = routes::below(head.uri.path())
        .and_then(routes::find)
        .is_none_or(|route| !route.method.is_client_streaming());
    let request = Request::from_parts(head, Body::new(StreamBody::new(frames)));
    let reading = async {
        let mut open = true;
        while let Some(Ok(message)) = incoming.next().await {
            let value = match message {
                Message::Text(text) => Bytes::from(text),
                Message::Binary(bytes) => bytes,
                Message::Close(_) => break,
                // Pings are answered by the library.
                _ => continue,
            };
            // The call may have ended, which the other half tells.
            open = open
                && values.send(value).await.is_ok()
                && values.send(Bytes::from_static(b"\n")).await.is_ok();
            if one {
                values.close_channel();
                open = false;
            }
        }
    };
    let writing = async {
        let lines = lines(answer(calls, request, remote).await.into_body());
        futures::pin_mut!(lines);
        while let Some(line) = lines.next().await {
            out.send(Message::Text(line.try_into().unwrap_or_default())).await?;
        }
        out.send(Message::Close(None)).await
    };
    // Either end ends the other: a call that nobody listens to is dropped.
    tokio::select! {
        () = reading => {}
        _ = writing => {}
    }
}

/// The lines of a body, without their ends.
fn lines(body: Body) -> impl Stream<Item = Bytes> + Send {
    stream::unfold((body, BytesMut::new(), false), |(mut body, mut pending, mut over)| async move {
        loop {
            if let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.split_to(end + 1).freeze().slice(..end);
                return Some((line, (body, pending, over)));
            }
            if over {
                let last = pending.split().freeze();
                return (!last.is_empty()).then_some((last, (body, pending, over)));
            }
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        pending.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) | None => over = true,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[test]
    fn sockets_are_asked_for_by_two_headers() {
        let mut headers = HeaderMap::new();
        assert!(!wanted(&headers));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(wanted(&headers));
        assert_eq!(token(&headers), None);
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("Bearer, t.1"));
        assert_eq!(token(&headers), Some(HeaderValue::from_static("Bearer t.1")));
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat, t.1"));
        assert_eq!(token(&headers), None);
    }

    #[tokio::test]
    async fn an_answer_is_cut_into_lines() {
        for (text, wanted) in [("a\nb\n", &["a", "b"][..]), ("a\n\nb", &["a", "", "b"]), ("", &[])] {
            let found: Vec<Bytes> =
                lines(Body::new(Full::new(Bytes::from_static(text.as_bytes())))).collect().await;
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
