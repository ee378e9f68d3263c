//! The client as the store of locks, elections and transactions: see [`oxetcd_concurrency`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use oxetcd_client::{Client, Config, concurrency::{Mutex, Session}};
//!
//! let client = Client::connect(Config::new(["127.0.0.1:2379"])).await?;
//! let session = Session::new(client, 10).await?;
//! let mut mutex = Mutex::new(&session, "my-lock");
//! mutex.lock().await?;
//! println!("held, with fence {:?}", mutex.revision());
//! mutex.unlock().await?;
//! session.close().await?;
//! # Ok(())
//! # }
//! ```

use crate::{Client, Error, Watch};
use futures::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        LeaseGrantRequest, LeaseRevokeRequest, RangeRequest, RangeResponse, TxnRequest, TxnResponse,
        WatchCreateRequest, WatchResponse,
    },
};
use oxetcd_concurrency::{Kv, Leases, Renewal};

/// What a watch receives, as that crate wants it.
pub(crate) fn updates(watch: Watch) -> BoxStream<'static, Result<WatchResponse, Error>> {
    stream::unfold(watch, |mut watch| async move {
        let update = watch.next().await?;
        let item = match update.error {
            // The crate reads the revision itself, and looks again.
            Some(error) if update.response.compact_revision == 0 => Err(error),
            _ => Ok(update.response),
        };
        Some((item, watch))
    })
    .boxed()
}

impl Kv for Client {
    type Error = Error;

    fn range(&self, request: RangeRequest) -> BoxFuture<'static, Result<RangeResponse, Error>> {
        let client = self.clone();
        async move { Client::range(&client, request).await }.boxed()
    }

    fn txn(&self, request: TxnRequest) -> BoxFuture<'static, Result<TxnResponse, Error>> {
        let client = self.clone();
        async move { Client::txn(&client, request).await }.boxed()
    }

    fn watch(&self, request: WatchCreateRequest) -> BoxStream<'static, Result<WatchResponse, Error>> {
        updates(Client::watch(self, request))
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        // Without a runtime, at the end of the process, nothing can be sent any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

impl Leases for Client {
    fn grant(&self, ttl_s: i64) -> BoxFuture<'static, Result<LeaseId, Error>> {
        let client = self.clone();
        async move { Ok(client.lease_grant(LeaseGrantRequest { ttl: ttl_s, id: 0 }).await?.id) }.boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxStream<'static, Renewal> {
        let keep_alive = Client::keep_alive(self, lease);
        stream::unfold(keep_alive, |mut keep_alive| async move {
            let confirmed = keep_alive.next_confirmed().await?;
            Some((Renewal { valid_until: confirmed.valid_until.into_std() }, keep_alive))
        })
        .boxed()
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'static, Result<(), Error>> {
        let client = self.clone();
        async move { client.lease_revoke(LeaseRevokeRequest { id: lease }).await.map(drop) }.boxed()
    }
}
