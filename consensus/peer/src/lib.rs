//! etcd's peer protocol: how members bring raft's messages to each other, over HTTP/1.1.
//!
//! Raft asks little of a network: messages may be lost, doubled and reordered, but not altered. So there is no
//! queue on disk and no acknowledgement here. A message goes out on the best way that is open at the moment,
//! and when there is none it is dropped and raft is told that the member cannot be reached.
//!
//! There are three ways to a peer:
//! * **Streams**, for almost everything. The *receiver* dials: it sends `GET /raft/stream/<kind>/<its id>` and
//!   reads the endless answer. So each member decides itself to whom it listens, and one that was removed gets
//!   its answer (410) in the place where it looks first. There are two kinds, so that a long append does not
//!   keep back a heartbeat: `msgapp` with a terse format for appends, `message` for the rest. See `stream`.
//! * **Posts** (`POST /raft`), while a stream is not there yet: one message a request. See `pipeline`.
//! * **Snapshot posts** (`POST /raft/snapshot`): a message and a whole database behind it. See `snapshot`.
//!
//! [`Peers`] is all of it: a [`Transport`](oxetcd_consensus::Transport) towards raft, an HTTP handler towards the
//! listener for peers. What it wants from the member stands in [`PeerHost`].

mod ability;
mod client;
mod codec;
mod common;
mod connect;
mod handler;
mod headers;
mod host;
mod outbox;
mod peer;
mod peers;
mod pipeline;
mod probe;
mod snapshot;
mod status;
mod stream;
mod url;

pub use codec::{CodecError, MessageDecoder, MsgAppDecoder, MsgAppEncoder, encode_message};
pub use common::PeerConfig;
pub use connect::{Connect, PlainConnector, Socket, open, open_from};
pub use handler::PeerBody;
pub use host::{OutgoingSnapshot, PeerHost, PeerObserver};
pub use peers::Peers;
pub use url::{PeerUrl, UrlError};
