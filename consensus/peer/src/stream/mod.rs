//! Streams: endless answers full of messages.
//!
//! [`read`] is the end that dials and listens, [`Writer`] the body of the answer on the other end.

mod reader;
mod writer;

pub(crate) use reader::read;
pub(crate) use writer::Writer;

use std::time::Duration;

/// A stream on which nothing comes for this long is dead.
pub(crate) const LEAST_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// What goes over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Appends.
    MsgApp,
    /// Anything else; appends too, while their own stream is not there.
    Message,
}

impl Kind {
    /// The beginning of the path, before the id of whoever dials.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Kind::MsgApp => "/raft/stream/msgapp/",
            Kind::Message => "/raft/stream/message/",
        }
    }

    /// For logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::MsgApp => "msgapp stream",
            Kind::Message => "message stream",
        }
    }
}
