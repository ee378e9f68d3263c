//! The body of an answer: a piece of text, or a stream.

use crate::stream::Writer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer to another member.
pub struct PeerBody {
    content: Content,
}

enum Content {
    Text(Bytes),
    Stream(Box<Writer>),
}

impl PeerBody {
    pub(super) fn text(text: impl Into<Bytes>) -> PeerBody {
        PeerBody { content: Content::Text(text.into()) }
    }

    pub(super) fn stream(writer: Writer) -> PeerBody {
        PeerBody { content: Content::Stream(Box::new(writer)) }
    }
}

impl fmt::Debug for PeerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Text(text) => f.debug_tuple("PeerBody").field(text).finish(),
            Content::Stream(_) => f.write_str("PeerBody(stream)"),
        }
    }
}

impl Body for PeerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.content {
            Content::Text(text) if text.is_empty() => Poll::Ready(None),
            Content::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Content::Stream(writer) => writer.poll_piece(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Text(text) if text.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(text) => SizeHint::with_exact(text.len() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
