//! Where replies go: one sink a stream.

use crate::WatchReply;

/// Why a reply was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// There is no room now; [`Stream::drained`](crate::Stream::drained) will tell when there is.
    #[error("the stream reads slower than events come")]
    Full,
    /// The stream has ended and will take nothing any more.
    #[error("the stream has ended")]
    Closed,
}

/// The sending end of one stream's bounded, first-in first-out queue of replies.
///
/// All methods are called with the hub's lock held: they must not wait for the reader, nor call the hub. The
/// reader calls [`Stream::drained`](crate::Stream::drained) after it has taken replies out.
pub trait Sink: Send + Sync {
    /// Takes events or a progress reply if there is room.
    ///
    /// # Errors
    /// [`SinkError::Full`] only while [`Sink::room`] is 0; [`SinkError::Closed`] for good.
    fn try_send(&self, reply: WatchReply) -> Result<(), SinkError>;

    /// Takes a reply to a request (created, canceled), even beyond the limit. There is at most one a request
    /// and one a watcher, so a server that stops reading requests while the queue is long bounds these too.
    fn send_control(&self, reply: WatchReply);

    /// How many more replies [`Sink::try_send`] would take now; 0 for a closed sink.
    fn room(&self) -> usize;

    /// Says how many watchers share this sink from now on, so that it can make room for one event for each.
    fn resize(&self, _watchers: usize) {}
}
