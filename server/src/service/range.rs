//! `Range` without a detour: the records of the answer go from the store to the socket as the bytes they are
//! stored as.
//!
//! The store hands out a range as buffers that already hold the wire form of `RangeResponse.kvs`. So the
//! answer is: gRPC prefix, header, those buffers one after the other, `more` and `count`. Nothing is decoded,
//! and a large answer never exists twice.

use super::{Propose, Read};
use crate::status;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use oxetcd_api::etcdserverpb::{RangeRequest, RangeResponse, ResponseHeader};
use oxetcd_mvcc::{RangeResult, check};
use prost::Message;
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{Status, body::Body};

const PREFIX_BYTES: usize = 5;

/// Answers one `Range` call.
pub(crate) async fn range<M: Propose + Read>(
    member: &M,
    request: http::Request<hyper::body::Incoming>,
) -> http::Response<Body> {
    match answer(member, request.into_body()).await {
        Ok(frames) => response(frames),
        Err(status) => status.into_http(),
    }
}

async fn answer<M: Propose + Read>(
    member: &M,
    body: hyper::body::Incoming,
) -> Result<VecDeque<Bytes>, Status> {
    let message = read_message(body, member.limits().max_message_bytes()).await?;
    let request = RangeRequest::decode(message).map_err(|error| Status::internal(error.to_string()))?;
    check::range(&request).map_err(|error| status::of_check(&error))?;
    if !request.serializable {
        member.barrier().await?;
    }
    let result = member.machine().store().range(&request).map_err(|error| status::of_store(&error))?;
    Ok(encode(member, result))
}

/// The one message of a unary call.
async fn read_message(mut body: hyper::body::Incoming, limit_bytes: usize) -> Result<Bytes, Status> {
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
        if first.len().max(all.len()) > limit_bytes + PREFIX_BYTES {
            let declared = declared_length(if all.is_empty() { &first } else { &all }).unwrap_or(0);
            return Err(status::message_too_large(declared, limit_bytes));
        }
    }
    let mut message = if all.is_empty() { first } else { all.freeze() };
    match (message.first(), declared_length(&message)) {
        (Some(0), Some(length)) if length == message.len() - PREFIX_BYTES => {
            Ok(message.split_off(PREFIX_BYTES))
        }
        (Some(1), _) => Err(Status::unimplemented("grpc: Decompressor is not installed for grpc-encoding")),
        _ => Err(Status::internal("grpc: the request is not one whole message")),
    }
}

fn declared_length(message: &[u8]) -> Option<usize> {
    let length: [u8; 4] = message.get(1..PREFIX_BYTES)?.try_into().ok()?;
    Some(u32::from_be_bytes(length) as usize)
}

fn encode<M: Read>(member: &M, result: RangeResult) -> VecDeque<Bytes> {
    let head = RangeResponse { header: Some(ResponseHeader { revision: result.revision, ..member.header() }), ..Default::default() };
    let tail = RangeResponse { more: result.more, count: result.count, ..Default::default() };
    let (head_length, tail_length) = (head.encoded_len(), tail.encoded_len());
    let kvs = result.kvs.into_chunks();
    let kvs_length: usize = kvs.iter().map(Bytes::len).sum();
    let length = head_length + kvs_length + tail_length;
    // A small answer is one frame; a large one keeps its buffers.
    let joined = if kvs.len() <= 1 { kvs_length } else { 0 };
    let mut first = BytesMut::with_capacity(PREFIX_BYTES + head_length + joined + tail_length);
    first.put_u8(0);
    first.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // Growable buffers take any message.
    let _ = head.encode(&mut first);
    if kvs.len() <= 1 {
        kvs.iter().for_each(|chunk| first.extend_from_slice(chunk));
        let _ = tail.encode(&mut first);
        return VecDeque::from([first.freeze()]);
    }
    let mut frames = VecDeque::with_capacity(kvs.len() + 2);
    frames.push_back(first.freeze());
    frames.extend(kvs);
    frames.push_back(tail.encode_to_vec().into());
    frames
}

fn response(frames: VecDeque<Bytes>) -> http::Response<Body> {
    let mut response = http::Response::new(Body::new(Frames { frames, done: false }));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/grpc"));
    response
}

/// A body of ready frames with the trailers of success behind them.
struct Frames {
    frames: VecDeque<Bytes>,
    done: bool,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        if let Some(frame) = self.frames.pop_front() {
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
