//! The watch hub: committed events fanned out to watchers, synced and catching up.
//!
//! A watcher asks for the events of a [`KeyRange`](oxetcd_api::KeyRange) from some revision on, and gets each
//! of them once, in order, however slow it reads. Three parties meet here:
//!
//! * **The writer** calls [`Hub::publish`] after each applied transaction. Watchers that have seen everything
//!   before it are *synced* and stand in an index by range; those that match get the event pushed to their
//!   stream's [`Sink`]. A sink that has no room is not waited for: its watcher leaves the index, remembers the
//!   revision that it missed, and holds no event. So a writer pays for the watchers that match and for nothing
//!   else, and a lagging watcher costs no memory.
//! * **The catch-up thread** calls [`Hub::catch_up`]. Watchers behind the current revision wait in a queue;
//!   each turn reads one bounded chunk of [`History`] without the hub's lock, hands it to all watchers that it
//!   fits, and puts back those with more to read. A watcher whose sink is full is set aside until the stream
//!   says that it has [`drained`](Stream::drained). One that reaches the current revision returns to the index.
//! * **A stream** ([`Stream`], one a client connection) creates and cancels watchers and asks for progress.
//!
//! What makes the order right is that every reply is pushed under the hub's one lock, into one first-in
//! first-out sink a stream: a `created` reply precedes the events, a progress reply follows the events that it
//! vouches for, and nothing follows `canceled`. The lock is held for pushes and small moves, never for a read.
//!
//! The crate does no I/O, starts no thread and reads no clock. What a reply looks like on the wire is in
//! [`WatchReply::into_frames`]: the events' bytes are copied into the message as they are, encoded once for
//! all watchers.

mod catch_up;
mod chunk;
mod cohort;
mod frame;
mod history;
mod hub;
mod index;
mod publish;
mod queue;
mod reply;
mod sink;
mod state;
mod stream;
mod tree;
mod watcher;

pub use chunk::EventSet;
pub use frame::{Frame, Frames, Header};
pub use history::{History, HistoryError, ReadLimit};
pub use hub::{CatchUp, Hub, Stats};
pub use queue::{QueueLimit, ReplyQueue};
pub use reply::{ReplyBody, WatchReply};
pub use sink::{Sink, SinkError};
pub use stream::{Stream, progress_period};
