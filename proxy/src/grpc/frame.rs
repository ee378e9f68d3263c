//! Single messages of gRPC, taken out of a body and put into one.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::Message;
use std::convert::Infallible;
use tonic::{Status, body::Body};

/// Bytes before a message: whether it is compressed, and how long it is.
const HEAD_BYTES: usize = 5;

/// The one message of a body.
pub(crate) fn message<M: Message + Default>(mut body: Bytes) -> Result<M, Status> {
    let bad = |what: &str| Status::internal(format!("grpc: {what}"));
    if body.len() < HEAD_BYTES {
        return Err(bad("a request without a message"));
    }
    if body.get_u8() != 0 {
        return Err(Status::unimplemented("grpc: compressed messages are not taken here"));
    }
    let length = body.get_u32() as usize;
    if body.len() != length {
        return Err(bad("a message that is not as long as it says"));
    }
    M::decode(body).map_err(|error| bad(&error.to_string()))
}

/// An answer of one message.
pub(crate) fn answer<M: Message>(result: Result<M, Status>) -> Response<Body> {
    let message = match result {
        Ok(message) => message,
        Err(status) => return status.into_http(),
    };
    let length = message.encoded_len();
    let mut data = BytesMut::with_capacity(HEAD_BYTES + length);
    data.put_u8(0);
    data.put_u32(length as u32);
    message.encode_raw(&mut data);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(data.freeze()), Frame::trailers(trailers)].map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::MemberListRequest;

    #[test]
    fn what_is_no_message_is_refused() {
        let cut = [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x05ab", b"\x01\0\0\0\0", b"\0\0\0\0\x01\xff"];
        for body in cut {
            assert!(message::<MemberListRequest>(Bytes::from_static(body)).is_err(), "{body:?}");
        }
        let good = message::<MemberListRequest>(Bytes::from_static(b"\0\0\0\0\x02\x08\x01"));
        assert!(good.is_ok_and(|request| request.linearizable));
    }
}
