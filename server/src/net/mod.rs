//! Listening sockets and the loop that serves them.
//!
//! One port speaks both gRPC (HTTP/2) and plain HTTP/1.1: hyper looks at the first bytes of a connection.
//! Over TLS every request carries an `Arc<Identity>` among its extensions; plain connections cost nothing more than before.

mod dial;
mod handshake;
mod listener;
mod secure;
mod serve;

pub(crate) use dial::Dialer;
pub(crate) use listener::{Listener, Remote, bind};
pub(crate) use oxetcd_tls::Identity;
pub(crate) use secure::{Secure, count_reloads};
pub(crate) use serve::{Answer, Handler, Limits, serve};
