//! Waits for a server's first frame.
//!
//! A connection that is open need not be one that works. With TLS 1.3 this side is through with the handshake before the
//! server has looked at our certificate; and behind a proxy that accepts everything there may be nobody at all. What
//! proves a server is its first frame, which in HTTP/2 must be SETTINGS. [`watched`] looks at what is read until that is
//! there, and tells what came.

use super::Stream;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

/// Length, type, flags and stream of a frame.
const HEAD_BYTES: usize = 9;
const SETTINGS: u8 = 4;

/// What a server began with: SETTINGS, or why that did not come.
pub(crate) type Beginning = oneshot::Receiver<Result<(), String>>;

/// A stream whose beginning is looked at.
pub(crate) struct Watched {
    inner: Box<dyn Stream>,
    head: Vec<u8>,
    teller: Option<oneshot::Sender<Result<(), String>>>,
}

/// The same stream, and what comes first on it. That is known only if the stream is read.
pub(crate) fn watched(inner: Box<dyn Stream>) -> (Watched, Beginning) {
    let (teller, beginning) = oneshot::channel();
    (Watched { inner, head: Vec::with_capacity(HEAD_BYTES), teller: Some(teller) }, beginning)
}

impl Watched {
    fn tell(&mut self, what: Result<(), String>) {
        if let Some(teller) = self.teller.take() {
            // Whoever dialled may have given up.
            let _ = teller.send(what);
        }
    }

    fn look(&mut self, read: &[u8]) {
        if read.is_empty() {
            return self.tell(Err("EOF".to_owned()));
        }
        let wanted = HEAD_BYTES - self.head.len();
        self.head.extend(&read[..wanted.min(read.len())]);
        if self.head.len() == HEAD_BYTES {
            let settings = self.head[3] == SETTINGS;
            self.tell(if settings { Ok(()) } else { Err("the first frame is not SETTINGS".to_owned()) });
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if self.teller.is_some() {
            match &polled {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.look(&buffer.filled()[before..]),
                Poll::Ready(Err(error)) => self.tell(Err(error.to_string())),
            }
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }
}
