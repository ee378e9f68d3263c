//! One request, one answer, without a detour: the hot calls skip tonic's general streaming machinery.
//!
//! On the wire a unary call is a body of one message (a zero byte, the length, the message) and an answer of the
//! same form with the status in trailers. That is read and written here directly; an answer may be several
//! buffers, so that a large one never exists twice.

use crate::status;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use prost::Message;
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{Status, body::Body};

/// A zero byte (not compressed) and the length.
pub(crate) const PREFIX_BYTES: usize = 5;

/// Decodes a message.
///
/// # Errors
/// When it is no message of this kind.
pub(crate) fn decode<T: Message + Default>(message: Bytes) -> Result<T, Status> {
    T::decode(message).map_err(|error| Status::internal(error.to_string()))
}

/// The one message of a call, encoded.
///
/// # Errors
/// When it is longer than `limit_bytes`, compressed, or not alone.
pub(crate) async fn read<B>(mut body: B, limit_bytes: usize) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::internal(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
        let declared = declared_length(if all.is_empty() { &first } else { &all });
        if let Some(length) = declared.filter(|length| *length > limit_bytes) {
            return Err(status::message_too_large(length, limit_bytes));
        }
        if first.len().max(all.len()) > limit_bytes + PREFIX_BYTES {
            return Err(Status::internal("grpc: the request is not one message"));
        }
    }
    let mut message = if all.is_empty() { first } else { all.freeze() };
    match (message.first(), declared_length(&message)) {
        (Some(0), Some(length)) if length == message.len() - PREFIX_BYTES => {
            Ok(message.split_off(PREFIX_BYTES))
        }
        (Some(1), _) => Err(Status::unimplemented("grpc: Decompressor is not installed for grpc-encoding")),
        _ => Err(Status::internal("grpc: the request is not one message")),
    }
}

fn declared_length(message: &[u8]) -> Option<usize> {
    let length: [u8; 4] = message.get(1..PREFIX_BYTES)?.try_into().ok()?;
    Some(u32::from_be_bytes(length) as usize)
}

/// Begins an answer of `length` bytes; `room` of them follow in the same buffer.
pub(crate) fn begin(length: usize, room: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(PREFIX_BYTES + room);
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    buffer
}

/// An encoded answer, prefix included, as one or more buffers.
pub(crate) struct Reply {
    pub(crate) first: Bytes,
    pub(crate) rest: VecDeque<Bytes>,
}

impl Reply {
    /// Encodes a message.
    pub(crate) fn of<T: Message>(message: &T) -> Self {
        let length = message.encoded_len();
        let mut buffer = begin(length, length);
        // A growable buffer takes any message.
        let _ = message.encode(&mut buffer);
        Reply { first: buffer.freeze(), rest: VecDeque::new() }
    }

    /// Size of the message, in bytes.
    pub(crate) fn message_bytes(&self) -> usize {
        self.first.len() + self.rest.iter().map(Bytes::len).sum::<usize>() - PREFIX_BYTES
    }

    /// The answer of a call that went well.
    pub(crate) fn into_response(self) -> http::Response<Body> {
        respond(Frames { only: Some(self.first), rest: self.rest, done: false })
    }
}

fn respond(frames: Frames) -> http::Response<Body> {
    let mut response = http::Response::new(Body::new(frames));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/grpc"));
    response
}

/// A body of ready frames with the trailers of success behind them.
struct Frames {
    only: Option<Bytes>,
    rest: VecDeque<Bytes>,
    done: bool,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        if let Some(frame) = self.only.take().or_else(|| self.rest.pop_front()) {
            return Poll::Ready(Some(Ok(http_body::Frame::data(frame))));
        }
        if std::mem::replace(&mut self.done, true) {
            return Poll::Ready(None);
        }
        let mut trailers = http::HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(http_body::Frame::trailers(trailers))))
    }
}
