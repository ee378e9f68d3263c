//! The queue before one stream.
//!
//! The raft thread puts messages in; whoever writes the stream takes out *all* that wait at once, so that what
//! gathered while the last write ran goes out in the next one. A queue belongs to a *link*, one connection of
//! the other side. A newer link takes the queue over, and the older one sees that it is over.

use oxetcd_consensus::raftpb::Message;
use parking_lot::Mutex;
use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// Messages that may wait.
const CAPACITY: usize = 4096;

/// Names one connection of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(u64);

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It waits. The waker is to be woken, when there is one and nothing more to push.
    Waits(Option<Waker>),
    /// There is no link: here it is back.
    NoLink(Message),
    /// The link takes nothing any more and was cut: here it is back, and what waited.
    Stalled(Message, Vec<Message>),
    /// Too many wait: here it is back.
    Full(Message),
}

/// A bounded queue and the link that empties it.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// A link that takes nothing for this long is dead, whatever its connection says.
    stall: Duration,
}

#[derive(Debug, Default)]
struct State {
    queue: Vec<Message>,
    /// When the queue became non-empty.
    waiting_since: Option<Instant>,
    links: u64,
    link: Option<Link>,
    waker: Option<Waker>,
}

impl Outbox {
    /// An empty queue, whose link is dead when it takes nothing for `stall`.
    pub(crate) fn new(stall: Duration) -> Outbox {
        Outbox { state: Mutex::default(), stall }
    }

    /// Takes a message for the link, if there is one.
    pub(crate) fn push(&self, message: Message) -> Pushed {
        let mut state = self.state.lock();
        if state.link.is_none() {
            return Pushed::NoLink(message);
        }
        match state.waiting_since {
            None => state.waiting_since = Some(Instant::now()),
            Some(since) if since.elapsed() > self.stall => {
                let (waker, waited) = state.cut();
                drop(state);
                wake(waker);
                return Pushed::Stalled(message, waited);
            }
            Some(_) if state.queue.len() >= CAPACITY => return Pushed::Full(message),
            Some(_) => {}
        }
        state.queue.push(message);
        Pushed::Waits(state.waker.take())
    }

    /// Makes a new link, in place of an older one.
    pub(crate) fn attach(&self) -> Link {
        let mut state = self.state.lock();
        state.links += 1;
        let link = Link(state.links);
        state.link = Some(link);
        state.waiting_since = state.waiting_since.map(|_| Instant::now());
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        link
    }

    /// Ends a link, unless another took its place: then `None`. Else the messages that waited for it.
    pub(crate) fn detach(&self, link: Link) -> Option<Vec<Message>> {
        let mut state = self.state.lock();
        if state.link != Some(link) {
            return None;
        }
        Some(state.cut().1)
    }

    /// Ends the link, whichever it is.
    pub(crate) fn close(&self) {
        let (waker, _) = self.state.lock().cut();
        wake(waker);
    }

    /// Waits for messages and swaps them with the empty `batch`. `false` when the link is over.
    pub(crate) fn poll_take(&self, link: Link, cx: &mut Context<'_>, batch: &mut Vec<Message>) -> Poll<bool> {
        let mut state = self.state.lock();
        if state.link != Some(link) {
            return Poll::Ready(false);
        }
        if state.queue.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.waiting_since = None;
        std::mem::swap(&mut state.queue, batch);
        Poll::Ready(true)
    }
}

impl State {
    fn cut(&mut self) -> (Option<Waker>, Vec<Message>) {
        self.link = None;
        self.waiting_since = None;
        (self.waker.take(), std::mem::take(&mut self.queue))
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(outbox: &Outbox, link: Link) -> Poll<Option<usize>> {
        let mut batch = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        outbox.poll_take(link, &mut cx, &mut batch).map(|alive| alive.then_some(batch.len()))
    }

    #[test]
    fn all_that_waits_is_taken_at_once() {
        let outbox = Outbox::new(Duration::from_secs(5));
        assert!(matches!(outbox.push(Message::default()), Pushed::NoLink(_)));
        let link = outbox.attach();
        assert_eq!(take(&outbox, link), Poll::Pending);
        assert!(matches!(outbox.push(Message::default()), Pushed::Waits(Some(_))));
        assert!(matches!(outbox.push(Message::default()), Pushed::Waits(None)));
        assert_eq!(take(&outbox, link), Poll::Ready(Some(2)));
        assert_eq!(take(&outbox, link), Poll::Pending);
    }

    #[test]
    fn a_new_link_takes_over_what_waits() {
        let outbox = Outbox::new(Duration::from_secs(5));
        let old = outbox.attach();
        assert!(matches!(outbox.push(Message::default()), Pushed::Waits(_)));
        let new = outbox.attach();
        assert_eq!(take(&outbox, old), Poll::Ready(None));
        assert!(outbox.detach(old).is_none());
        assert_eq!(take(&outbox, new), Poll::Ready(Some(1)));
        assert!(matches!(outbox.push(Message::default()), Pushed::Waits(_)));
        assert_eq!(outbox.detach(new).map(|waited| waited.len()), Some(1));
        assert!(matches!(outbox.push(Message::default()), Pushed::NoLink(_)));
    }

    #[test]
    fn the_queue_has_an_end() {
        let outbox = Outbox::new(Duration::from_secs(5));
        let link = outbox.attach();
        for _ in 0..CAPACITY {
            assert!(matches!(outbox.push(Message::default()), Pushed::Waits(_)));
        }
        assert!(matches!(outbox.push(Message::default()), Pushed::Full(_)));
        outbox.close();
        assert_eq!(take(&outbox, link), Poll::Ready(None));
    }
}
