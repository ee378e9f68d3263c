//! From an address to a connection that calls can use.
//!
//! [`Endpoint`] reads addresses, [`connect`](connector::connect) opens them, [`preface`] waits until a server answers, a
//! [`Slot`](slot::Slot) keeps one member's connection, and the [`Balancer`] chooses among the slots.

mod balancer;
mod connector;
mod endpoint;
mod preface;
mod slot;
mod tls;

pub(crate) use balancer::{Balancer, Picked};
pub(crate) use connector::connect;
pub use connector::{Connecting, Stream, TlsConnector};
pub use endpoint::Endpoint;
pub(crate) use endpoint::TlsNeed;
pub use tls::{FileTls, TlsError, TlsOptions};
