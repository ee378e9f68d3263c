//! The key-value service. Writes are one proposal each; reads go to the store of this member, after a barrier
//! unless the client does not ask for one. `Range` is answered by [`super::range`] in raw form; the method here
//! is the plain one that the trait asks for.

use super::{Propose, Read, header, quota, range, read_meter::ReadMeter, stream};
use crate::{
    access::{self, AsUser},
    admission::Pacer,
    background,
    metrics::Op,
    net::Remote,
    status,
};
use http::Extensions;
use oxetcd_api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, InternalRaftRequest,
    PutRequest, PutResponse, RangeRequest, RangeResponse, TxnRequest, TxnResponse, request_op,
};
use oxetcd_grpc::etcdserverpb::kv_server::Kv;
use oxetcd_machine::Response as Applied;
use oxetcd_mvcc::{Store, check};
use prost::Message;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The key-value service over a member.
pub(crate) struct KvService<M>(pub(crate) Arc<M>);

impl<M: Propose + Read> KvService<M> {
    async fn read_txn(&self, txn: TxnRequest, extensions: &Extensions) -> Result<TxnResponse, Status> {
        if !check::is_serializable(&txn) {
            self.0.barrier().await?;
        }
        let caller = access::caller(&*self.0, extensions).await?;
        let meter = ReadMeter::begin(Op::ReadonlyTxn);
        let is_long = {
            let machine = self.0.machine();
            let permissions = access::permissions(&machine, caller.clone());
            permissions.reading_txn(&txn).map_err(|error| status::of_auth(&error))?;
            reads_much(machine.store(), &txn)
        };
        let response = if is_long {
            // As for a range that is long: apart, and one after the other.
            let turn = self.0.admission().turn(*extensions.get().unwrap_or(&Remote::Unix)).await;
            let (member, txn) = (self.0.clone(), txn.clone());
            let done = background::on_thread(move || {
                let _turn = turn;
                let pacer = Pacer::begin(member.admission());
                member.machine().store().read_txn_with_pauses(&txn, &|| pacer.pause())
            });
            done.await.ok_or_else(status::stopped)?
        } else {
            self.0.machine().store().read_txn(&txn)
        };
        access::is_unchanged(&self.0.machine(), caller.as_ref())?;
        let ranges = txn.success.len() as u64;
        self.0.metrics().mvcc.ranges.inc_by(ranges);
        self.0.metrics().mvcc.txns.inc_by(u64::from(ranges > 1));
        let encode = || txn.encode_to_vec().into();
        meter.end(&*self.0, response.is_ok(), "/etcdserverpb.KV/Txn", encode);
        response.map_err(|error| status::of_store(&error))
    }

    async fn write_txn(&self, txn: TxnRequest, extensions: &Extensions) -> Result<TxnResponse, Status> {
        quota::check(&*self.0, quota::of_txn(&txn)).await?;
        let caller = access::caller(&*self.0, extensions).await?;
        let request = InternalRaftRequest { txn: Some(txn), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::Txn(response) => Ok(response),
            _ => Err(status::unexpected_answer()),
        }
    }
}

/// Whether a transaction of reads has one whose answer is long. What is wrong with it is found when it runs.
fn reads_much(store: &Store, txn: &TxnRequest) -> bool {
    txn.success.iter().chain(&txn.failure).any(|op| match &op.request {
        Some(request_op::Request::RequestRange(request)) => range::is_long(store, request).unwrap_or(false),
        _ => false,
    })
}

#[tonic::async_trait]
impl<M: Propose + Read> Kv for KvService<M> {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        check::range(&request).map_err(|error| status::of_check(&error))?;
        if !request.serializable {
            self.0.barrier().await?;
        }
        let caller = access::caller(&*self.0, &extensions).await?;
        let result = {
            let machine = self.0.machine();
            let permissions = access::permissions(&machine, caller.clone());
            permissions.range(&request).map_err(|error| status::of_auth(&error))?;
            let result = machine.store().range(&request).map_err(|error| status::of_store(&error))?;
            access::is_unchanged(&machine, caller.as_ref())?;
            result
        };
        let mut response = result.to_message().map_err(|error| status::of_store(&error))?;
        response.header = header::complete(&*self.0, response.header);
        Ok(Response::new(response))
    }

    type RangeStreamStream = stream::Pages;

    async fn range_stream(&self, request: Request<RangeRequest>) -> Result<Response<stream::Pages>, Status> {
        let (_, extensions, request) = request.into_parts();
        check::range_stream(&request).map_err(|error| status::of_check(&error))?;
        if !request.serializable {
            self.0.barrier().await?;
        }
        let caller = access::caller(&*self.0, &extensions).await?;
        let may = access::permissions(&self.0.machine(), caller.clone()).range(&request);
        may.map_err(|error| status::of_auth(&error))?;
        self.0.metrics().mvcc.ranges.inc();
        Ok(Response::new(stream::pages(self.0.clone(), caller, request)?))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let (_, extensions, put) = request.into_parts();
        check::put(&put).map_err(|error| status::of_check(&error))?;
        quota::check(&*self.0, quota::of_put(&put)).await?;
        let caller = access::caller(&*self.0, &extensions).await?;
        let request = InternalRaftRequest { put: Some(put), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::Put(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let (_, extensions, delete) = request.into_parts();
        check::delete_range(&delete).map_err(|error| status::of_check(&error))?;
        let caller = access::caller(&*self.0, &extensions).await?;
        let request = InternalRaftRequest { delete_range: Some(delete), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::DeleteRange(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let (_, extensions, txn) = request.into_parts();
        check::txn(&txn, self.0.limits().max_txn_ops).map_err(|error| status::of_check(&error))?;
        let read_only = check::is_read_only(&txn);
        let done = match read_only {
            true => self.read_txn(txn, &extensions).await,
            false => self.write_txn(txn, &extensions).await,
        };
        let mut response = done?;
        response.header = header::complete(&*self.0, response.header);
        Ok(Response::new(response))
    }

    async fn compact(
        &self,
        request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        let compaction = request.into_inner();
        let request = InternalRaftRequest { compaction: Some(compaction), ..Default::default() };
        match self.0.propose(request)?.await? {
            Applied::Compaction(mut response) => {
                if compaction.physical {
                    self.0.when_compacted(compaction.revision).await?;
                }
                response.header = header::complete(&*self.0, None);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }
}
