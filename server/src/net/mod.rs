//! Listening sockets and the loop that serves them.
//!
//! One port speaks both gRPC (HTTP/2) and plain HTTP/1.1: hyper looks at the first bytes of a connection.

mod listener;
mod serve;

pub(crate) use listener::{Listener, Remote, bind};
pub(crate) use serve::{Answer, Handler, Limits, serve};
