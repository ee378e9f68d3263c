//! The writing end: a body that is filled from a peer's outbox.
//!
//! No task of its own: the task of the connection asks for the next piece when the last one is written.
//! What gathered meanwhile is one piece, and so one write.

use super::{Kind, LEAST_READ_TIMEOUT};
use crate::{
    client::PeerError,
    codec::{MsgAppEncoder, encode_message, link_heartbeat},
    outbox::Link,
    peer::Peer,
};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use oxetcd_consensus::raftpb::{Message, MessageType};
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// How often something must be written, so that the other end does not take the stream for dead.
const HEARTBEAT: Duration = Duration::from_millis(LEAST_READ_TIMEOUT.as_millis() as u64 / 3);

/// Body of a stream.
pub(crate) struct Writer {
    peer: Arc<Peer>,
    kind: Kind,
    link: Link,
    appends: MsgAppEncoder,
    batch: Vec<Message>,
    buffer: BytesMut,
    heartbeat: Pin<Box<Sleep>>,
    last_write: Instant,
}

impl Writer {
    /// Takes the peer's outbox over.
    pub(crate) fn attach(peer: Arc<Peer>, kind: Kind) -> Writer {
        let link = peer.outbox(kind).attach();
        peer.status.works();
        Writer {
            peer,
            kind,
            link,
            appends: MsgAppEncoder::default(),
            batch: Vec::new(),
            buffer: BytesMut::new(),
            heartbeat: Box::pin(sleep(HEARTBEAT)),
            last_write: Instant::now(),
        }
    }

    /// What is to be written next; `None` when the stream is over.
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(alive) = self.peer.outbox(self.kind).poll_take(self.link, cx, &mut self.batch) {
            if !alive {
                return Poll::Ready(None);
            }
            let mut batch = std::mem::take(&mut self.batch);
            for message in batch.drain(..) {
                self.encode(&message);
            }
            self.batch = batch;
            return Poll::Ready(Some(Ok(self.piece())));
        }
        loop {
            ready!(self.heartbeat.as_mut().poll(cx));
            let quiet = self.last_write.elapsed();
            if quiet >= HEARTBEAT {
                self.encode(&link_heartbeat());
                return Poll::Ready(Some(Ok(self.piece())));
            }
            self.heartbeat.as_mut().reset(self.last_write + HEARTBEAT);
        }
    }

    fn encode(&mut self, message: &Message) {
        match self.kind {
            Kind::MsgApp => {
                let before = self.buffer.len();
                self.appends.encode(message, &mut self.buffer);
                if message.r#type() == MessageType::MsgApp {
                    self.peer.observer.append_sent((self.buffer.len() - before) as u64);
                }
            }
            Kind::Message => encode_message(message, &mut self.buffer),
        }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        self.last_write = Instant::now();
        let piece = self.buffer.split().freeze();
        self.peer.observer.sent(piece.len() as u64);
        Frame::data(piece)
    }
}

impl Drop for Writer {
    /// The connection is gone, or the stream was ended from here.
    fn drop(&mut self) {
        let Some(waiting) = self.peer.outbox(self.kind).detach(self.link) else { return };
        let error = io::Error::new(io::ErrorKind::ConnectionReset, "the connection is gone");
        self.peer.status.failed(self.kind.name(), &PeerError::Io(error));
        // What was written last may not have arrived: an append before the next would be missing.
        if !waiting.is_empty() || self.kind == Kind::MsgApp {
            self.peer.undelivered(waiting);
        }
    }
}
