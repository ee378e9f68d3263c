//! A part of the store as if it were the whole.
//!
//! A [`Namespace`] puts a prefix before every key that is asked for, and takes it off every key that comes back. What is
//! outside of it cannot be seen or changed through it, and keys of any length and range stay inside. The translation is
//! [`prefix`], without I/O; calls and watches go through the client as always.
//!
//! A namespace is also a store for [`concurrency`](crate::concurrency): locks of two namespaces never meet.

mod coordination;
mod prefix;

use crate::{Client, Error, RangeStream, Watch, Watcher};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    DeleteRangeRequest, DeleteRangeResponse, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, PutRequest,
    PutResponse, RangeRequest, RangeResponse, TxnRequest, TxnResponse, WatchCreateRequest,
};
pub(crate) use prefix::Prefix;

/// A client for the keys below a prefix. Cheap to clone. Made by [`Client::namespace`].
///
/// An empty key with a range end begins at the namespace's first key; an empty key alone is refused, as a server does.
/// Leases have no names: those of the whole cluster are the same everywhere.
#[derive(Clone, Debug)]
pub struct Namespace {
    client: Client,
    prefix: Prefix,
}

impl Client {
    /// The keys below `prefix`, as a store of their own.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), oxetcd_client::Error> {
    /// use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
    /// use oxetcd_client::{Client, Config};
    ///
    /// let client = Client::connect(Config::new(["127.0.0.1:2379"])).await?;
    /// let tenant = client.namespace("tenants/7/");
    /// tenant.put(PutRequest { key: "color".into(), value: "blue".into(), ..Default::default() }).await?;
    ///
    /// let inside = tenant.range(RangeRequest { key: "color".into(), ..Default::default() }).await?;
    /// assert_eq!(inside.kvs[0].key, "color");
    /// let outside = client.range(RangeRequest { key: "tenants/7/color".into(), ..Default::default() }).await?;
    /// assert_eq!(outside.kvs[0].value, "blue");
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(&self, prefix: impl AsRef<[u8]>) -> Namespace {
        Namespace { client: self.clone(), prefix: Prefix::new(Bytes::copy_from_slice(prefix.as_ref())) }
    }
}

impl Namespace {
    /// The client of the whole store.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A namespace in this one.
    pub fn namespace(&self, prefix: impl AsRef<[u8]>) -> Namespace {
        let prefix = self.prefix.key(prefix.as_ref());
        Namespace { client: self.client.clone(), prefix: Prefix::new(prefix) }
    }

    /// As [`Client::range`].
    ///
    /// # Errors
    /// `etcdserver: key is not provided` for an empty key; any error of the call.
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Error> {
        let mut response = self.client.range(self.prefix.range_request(request)?).await?;
        self.prefix.range_response(&mut response);
        Ok(response)
    }

    /// As [`Client::range_stream`].
    ///
    /// # Errors
    /// As [`range`](Namespace::range).
    pub async fn range_stream(&self, request: RangeRequest) -> Result<RangeStream, Error> {
        let stream = self.client.range_stream(self.prefix.range_request(request)?).await?;
        Ok(stream.below(self.prefix.clone()))
    }

    /// As [`Client::put`].
    ///
    /// # Errors
    /// As [`range`](Namespace::range).
    pub async fn put(&self, request: PutRequest) -> Result<PutResponse, Error> {
        let mut response = self.client.put(self.prefix.put_request(request)?).await?;
        self.prefix.put_response(&mut response);
        Ok(response)
    }

    /// As [`Client::delete_range`].
    ///
    /// # Errors
    /// As [`range`](Namespace::range).
    pub async fn delete_range(&self, request: DeleteRangeRequest) -> Result<DeleteRangeResponse, Error> {
        let mut response = self.client.delete_range(self.prefix.delete_request(request)?).await?;
        self.prefix.delete_response(&mut response);
        Ok(response)
    }

    /// As [`Client::txn`].
    ///
    /// # Errors
    /// As [`range`](Namespace::range).
    pub async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
        let mut response = self.client.txn(self.prefix.txn_request(request)?).await?;
        self.prefix.txn_response(&mut response);
        Ok(response)
    }

    /// As [`Client::watcher`]: its watches see the keys of the namespace only.
    pub fn watcher(&self) -> Watcher {
        self.client.watcher().below(self.prefix.clone())
    }

    /// As [`Client::watch`].
    pub fn watch(&self, request: WatchCreateRequest) -> Watch {
        self.watcher().watch(request)
    }

    /// As [`Client::lease_time_to_live`]; of the keys attached to the lease those of the namespace.
    ///
    /// # Errors
    /// Any error of the call.
    pub async fn lease_time_to_live(
        &self,
        request: LeaseTimeToLiveRequest,
    ) -> Result<LeaseTimeToLiveResponse, Error> {
        let mut response = self.client.lease_time_to_live(request).await?;
        self.prefix.keys(&mut response.keys);
        Ok(response)
    }
}
