//! The body of a gRPC answer, message by message.

use crate::service::unary::PREFIX_BYTES;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body};

/// The messages of an answer, and how it ends.
pub(super) struct Messages {
    body: Body,
    pending: BytesMut,
    /// The status, if it came with the headers: then there is no message.
    early: Option<Status>,
}

impl Messages {
    /// Reads `response`.
    pub(super) fn of(response: http::Response<Body>) -> Self {
        let early = Status::from_header_map(response.headers());
        Messages { body: response.into_body(), pending: BytesMut::new(), early }
    }

    /// The next message; `None` after the last one.
    ///
    /// # Errors
    /// With what the call failed with, at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if let Some(status) = self.early.take() {
            return ended(status);
        }
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            match frame?.into_data() {
                Ok(data) => self.pending.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return ended(Status::from_header_map(&trailers).unwrap_or_else(|| Status::ok("")));
                }
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let length: [u8; 4] = self.pending.get(1..PREFIX_BYTES)?.try_into().ok()?;
        let length = u32::from_be_bytes(length) as usize;
        if self.pending.len() - PREFIX_BYTES < length {
            return None;
        }
        self.pending.advance(PREFIX_BYTES);
        Some(self.pending.split_to(length).freeze())
    }
}

fn ended(status: Status) -> Result<Option<Bytes>, Status> {
    if status.code() == Code::Ok { Ok(None) } else { Err(status) }
}
