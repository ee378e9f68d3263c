//! Locks, elections and transactions inside a namespace.

use super::Namespace;
use crate::{Error, coordination::updates};
use futures::{FutureExt as _, future::BoxFuture, stream::BoxStream};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{RangeRequest, RangeResponse, TxnRequest, TxnResponse, WatchCreateRequest, WatchResponse},
};
use oxetcd_concurrency::{Kv, Leases, Renewal};

impl Kv for Namespace {
    type Error = Error;

    fn range(&self, request: RangeRequest) -> BoxFuture<'static, Result<RangeResponse, Error>> {
        let namespace = self.clone();
        async move { Namespace::range(&namespace, request).await }.boxed()
    }

    fn txn(&self, request: TxnRequest) -> BoxFuture<'static, Result<TxnResponse, Error>> {
        let namespace = self.clone();
        async move { Namespace::txn(&namespace, request).await }.boxed()
    }

    fn watch(&self, request: WatchCreateRequest) -> BoxStream<'static, Result<WatchResponse, Error>> {
        updates(Namespace::watch(self, request))
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.client.spawn(work);
    }
}

impl Leases for Namespace {
    fn grant(&self, ttl_s: i64) -> BoxFuture<'static, Result<LeaseId, Error>> {
        self.client.grant(ttl_s)
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxStream<'static, Renewal> {
        Leases::keep_alive(&self.client, lease)
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'static, Result<(), Error>> {
        self.client.revoke(lease)
    }
}
