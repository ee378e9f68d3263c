//! An async etcd client.
//!
//! A [`Client`] stands for a cluster: it is given the addresses of some of its members, keeps one HTTP/2 connection
//! to each of those that answer, and spreads calls over them in turn. It is cheap to clone; clones share the
//! connections. Requests and answers are the protobuf messages of [`oxetcd_api`], so nothing of the API is hidden.
//!
//! * **A member that is down costs nothing**: calls wait for any member that is up, until their deadline.
//! * **A write is never sent twice**: a call is repeated only when it changes nothing, or when it is certain that it
//!   never left this process.
//! * **Watches survive a broken connection**: see [`Watcher`].
//! * **Leases are kept alive** in the background: see [`Client::keep_alive`].
//!
//! ```no_run
//! # async fn example() -> Result<(), oxetcd_client::Error> {
//! use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
//! use oxetcd_client::{Client, Config};
//!
//! let client = Client::connect(Config::new(["127.0.0.1:2379"])).await?;
//! client.put(PutRequest { key: "greeting".into(), value: "hello".into(), ..Default::default() }).await?;
//! let found = client.range(RangeRequest { key: "greeting".into(), ..Default::default() }).await?;
//! assert_eq!(found.kvs[0].value, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! [`concurrency`] has locks, elections and transactional memory on top; `client/examples/fencing.rs` shows a lock, and
//! why it needs a fence.
//!
//! Everything runs on the tokio runtime that is current when the client is made.

mod auth;
mod call;
mod client;
mod cluster;
mod config;
mod coordination;
mod error;
mod http;
mod keep_alive;
mod kv;
mod lease;
mod maintenance;
mod token;
mod transport;
mod watch;

pub use client::Client;
pub use config::{Config, Credentials};
pub use error::{Code, Error};
pub use keep_alive::KeepAlive;
pub use kv::RangeStream;
pub use maintenance::SnapshotStream;
/// Sessions, locks, elections and transactions, over a [`Client`].
pub use oxetcd_concurrency as concurrency;
/// Endpoints by DNS, for [`Config::new`]: see [`dns::clients`].
pub use oxetcd_dns as dns;
pub use transport::{Connecting, Endpoint, FileTls, Stream, TlsConnector, TlsError, TlsOptions};
pub use watch::{Watch, WatchUpdate, Watcher};
