//! An async etcd client.
//!
//! A [`Client`] stands for a cluster: it is given the addresses of some of its members, keeps one HTTP/2 connection
//! to each of those that answer, and spreads calls over them in turn. It is cheap to clone; clones share the
//! connections. Requests and answers are the protobuf messages of [`oxetcd_api`], so nothing of the API is hidden.
//!
//! | To ... | see |
//! |---|---|
//! | read, write, compare | [`Client::range`], [`put`](Client::put), [`delete_range`](Client::delete_range), [`txn`](Client::txn) |
//! | read a lot, a piece at a time | [`Client::range_stream`] |
//! | see changes as they happen | [`Client::watch`]; many on one stream: [`Watcher`] |
//! | tie keys to a lifetime | [`Client::lease_grant`], [`Client::keep_alive`] |
//! | limit the time of calls | [`Client::with_timeout`], [`with_deadline`](Client::with_deadline), [`with_connect_timeout`](Client::with_connect_timeout) |
//! | notice a member without a leader | [`Client::require_leader`] |
//! | read cheaply, and never go back in time | [`Client::ordered`] |
//! | work below a prefix | [`Client::namespace`] |
//! | follow members that come and go | [`Client::sync`], [`Config::auto_sync_interval`] |
//! | find members by DNS | [`dns::clients`] |
//! | log in, encrypt | [`Credentials`], [`FileTls`] |
//! | lock, elect, transact | [`concurrency`] |
//!
//! # What it promises
//! * **A member that is down costs nothing**: calls wait for any member that is up, until their deadline.
//! * **A write is never sent twice**: a call is repeated only when it changes nothing, or when it is certain that it
//!   never left this process.
//! * **Watches survive a broken connection**: each event comes once and in order, or the watch ends with the error that the
//!   history was compacted. See [`Watcher`].
//! * **Leases are kept alive** in the background, over whichever member is up: see [`Client::keep_alive`].
//! * **A token that has run out is renewed**, and the call that met it is made again.
//!
//! # How it begins
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
//! A domain's SRV records instead of addresses:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use oxetcd_client::{Client, Config, dns};
//!
//! let endpoints = dns::clients(&dns::Resolver::of_system()?, "example.org", "").await?;
//! let client = Client::connect(Config::new(endpoints)).await?;
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
mod forward;
mod http;
mod keep_alive;
mod kv;
mod lease;
mod maintenance;
mod namespace;
mod ordering;
mod sync;
mod token;
mod transport;
mod watch;

pub use self::http::http_exchange;
pub use client::Client;
pub use config::{Config, Credentials};
pub use error::{Code, Error};
pub use keep_alive::KeepAlive;
pub use kv::RangeStream;
pub use maintenance::SnapshotStream;
pub use namespace::Namespace;
/// Sessions, locks, elections and transactions, over a [`Client`].
pub use oxetcd_concurrency as concurrency;
/// Endpoints by DNS, for [`Config::new`]: see [`dns::clients`].
pub use oxetcd_dns as dns;
pub use transport::{Connecting, Endpoint, FileTls, Stream, TlsConnector, TlsError, TlsOptions};
pub use watch::{Watch, WatchUpdate, Watcher};
