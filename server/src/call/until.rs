//! A body that ends before its time when it is told to, with a status.
//!
//! Streams may last for weeks. When the member stops, or has lost its leader, their clients must hear of it, so
//! that they go to another member.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body, Frame};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::Status;

/// The body of a stream's answers.
pub(crate) struct Until<B> {
    /// Gone when it has ended; with it goes whatever produces the answers.
    body: Option<B>,
    told: BoxFuture<'static, Status>,
}

impl<B> Until<B> {
    /// `body`, which ends with the status that `told` resolves to, if it does not end before.
    pub(crate) fn new(body: B, told: impl Future<Output = Status> + Send + 'static) -> Self {
        Until { body: Some(body), told: Box::pin(told) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Until<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        // What is ready goes out first.
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let Poll::Ready(status) = self.told.as_mut().poll(context) else { return Poll::Pending };
        self.body = None;
        let mut trailers = HeaderMap::new();
        // The texts told here are plain ASCII, which a header takes.
        let _ = status.add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};
    use std::convert::Infallible;
    use tokio::sync::{mpsc, oneshot};
    use tonic::Code;

    #[tokio::test]
    async fn what_is_ready_goes_out_before_the_end() {
        let (frames, mut sent) = mpsc::unbounded_channel::<Bytes>();
        let (tell, told) = oneshot::channel();
        let answers = futures::stream::poll_fn(move |context| {
            sent.poll_recv(context).map(|data| data.map(|data| Ok::<_, Infallible>(Frame::data(data))))
        });
        let told = async { told.await.unwrap_or_else(|_| Status::ok("never told")) };
        let mut body = Until::new(StreamBody::new(answers), told);
        frames.send("one".into()).expect("open");
        tell.send(Status::unavailable("gone")).expect("open");
        let first = body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
        assert_eq!(first.as_deref(), Some(&b"one"[..]));
        let last = body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_trailers().ok());
        let status = last.and_then(|trailers| Status::from_header_map(&trailers));
        let status = status.map(|status| (status.code(), status.message().to_owned()));
        assert_eq!(status, Some((Code::Unavailable, "gone".to_owned())));
        assert!(body.frame().await.is_none() && frames.is_closed());
    }
}
