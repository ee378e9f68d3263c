//! A sink ready for use: a bounded queue between the hub and one async task.
//!
//! It needs no runtime: the reader is woken through a [`std::task::Waker`]. Everything that waits is taken out
//! at once, so that a busy stream costs one lock and one wake-up for many replies.

use crate::{Sink, SinkError, WatchReply};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

/// How much a [`ReplyQueue`] holds before events are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimit {
    /// Replies; or one for each watcher of the stream, if that is more.
    pub replies: usize,
    /// Bytes on the wire; the last reply taken may exceed it.
    pub size_bytes: usize,
}

impl Default for QueueLimit {
    /// 1,024 replies, 4 MiB.
    fn default() -> Self {
        QueueLimit { replies: 1024, size_bytes: 4 << 20 }
    }
}

/// A bounded first-in first-out queue of replies with one reader.
pub struct ReplyQueue {
    inner: Mutex<Inner>,
    limit: QueueLimit,
}

#[derive(Default)]
struct Inner {
    replies: VecDeque<WatchReply>,
    size_bytes: usize,
    watchers: usize,
    closed: bool,
    reader: Option<Waker>,
}

impl ReplyQueue {
    /// An empty queue.
    pub fn new(limit: QueueLimit) -> Self {
        ReplyQueue { inner: Mutex::new(Inner::default()), limit }
    }

    /// Moves up to `max` replies to the end of `out` and returns their number; waits for the first one.
    /// `Ready(0)` only after [`ReplyQueue::close`] when all are taken. Call
    /// [`Stream::drained`](crate::Stream::drained) afterwards.
    pub fn poll_take(&self, context: &mut Context<'_>, max: usize, out: &mut Vec<WatchReply>) -> Poll<usize> {
        let mut inner = self.inner.lock();
        let taken = inner.take(max, out);
        if taken == 0 && !inner.closed {
            inner.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(taken)
    }

    /// As [`ReplyQueue::poll_take`], without waiting.
    pub fn take(&self, max: usize, out: &mut Vec<WatchReply>) -> usize {
        self.inner.lock().take(max, out)
    }

    /// Refuses all further replies and wakes the reader; what is inside can still be taken.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.wake();
    }

    /// Number of replies inside.
    pub fn len(&self) -> usize {
        self.inner.lock().replies.len()
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the queue is at its limit. A server reads no further requests from its client until it is not,
    /// since answers to requests are taken even beyond the limit.
    pub fn is_full(&self) -> bool {
        self.free(&self.inner.lock()) == 0
    }

    fn free(&self, inner: &Inner) -> usize {
        if inner.closed || inner.size_bytes >= self.limit.size_bytes {
            return 0;
        }
        self.limit.replies.max(inner.watchers).saturating_sub(inner.replies.len())
    }
}

impl Inner {
    fn take(&mut self, max: usize, out: &mut Vec<WatchReply>) -> usize {
        let count = self.replies.len().min(max);
        for reply in self.replies.drain(..count) {
            self.size_bytes -= reply.size_bytes();
            out.push(reply);
        }
        count
    }

    fn push(&mut self, reply: WatchReply) {
        self.size_bytes += reply.size_bytes();
        self.replies.push_back(reply);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Sink for ReplyQueue {
    fn try_send(&self, reply: WatchReply) -> Result<(), SinkError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(SinkError::Closed);
        }
        if self.free(&inner) == 0 {
            return Err(SinkError::Full);
        }
        inner.push(reply);
        Ok(())
    }

    fn send_control(&self, reply: WatchReply) {
        let mut inner = self.inner.lock();
        if !inner.closed {
            inner.push(reply);
        }
    }

    fn room(&self) -> usize {
        self.free(&self.inner.lock())
    }

    fn resize(&self, watchers: usize) {
        self.inner.lock().watchers = watchers;
    }
}
