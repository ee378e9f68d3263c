//! Keys and values: passed on, with a cache before serializable reads.

use super::{
    cache::{Cache, Question},
    metrics::Metrics,
    upstream::{Upstream, status, token},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use oxetcd_api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RangeStreamResponse, RequestOp, TxnRequest, TxnResponse, request_op,
};
use oxetcd_grpc::etcdserverpb::kv_server::Kv;
use std::{pin::Pin, sync::Arc, time::Instant};
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct KvProxy {
    pub(crate) upstream: Upstream,
    pub(crate) cache: Cache,
    pub(crate) metrics: Arc<Metrics>,
}

impl KvProxy {
    /// Forgets the keys that these operations write, before they are done and behind that.
    fn forget(&self, written: &[(Bytes, Bytes)]) {
        written.iter().for_each(|(key, end)| self.cache.forget(key, end));
        self.metrics.cache_keys.set(self.cache.len() as i64);
    }
}

/// The keys that a transaction may write, in all its branches.
fn written(txn: &TxnRequest, keys: &mut Vec<(Bytes, Bytes)>) {
    for RequestOp { request } in txn.success.iter().chain(&txn.failure) {
        match request {
            Some(request_op::Request::RequestPut(put)) => keys.push((put.key.clone(), Bytes::new())),
            Some(request_op::Request::RequestDeleteRange(delete)) => {
                keys.push((delete.key.clone(), delete.range_end.clone()));
            }
            Some(request_op::Request::RequestTxn(txn)) => written(txn, keys),
            Some(request_op::Request::RequestRange(_)) | None => {}
        }
    }
}

#[tonic::async_trait]
impl Kv for KvProxy {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let (metadata, _, range) = request.into_parts();
        let question = Question::new(token(&metadata).map(|token| token.as_bytes()), &range);
        if range.serializable {
            if let Some(response) = self.cache.get(&question, Instant::now()) {
                self.metrics.cache_hits.inc();
                return Ok(Response::new(response));
            }
            self.metrics.cache_misses.inc();
        }
        let changes = self.cache.changes();
        let response = self.upstream.keys_for(&metadata).range(range.clone()).await;
        let response = response.map_err(|error| status(&error))?;
        self.cache.add(question, &range, &response, changes, Instant::now());
        self.metrics.cache_keys.set(self.cache.len() as i64);
        Ok(Response::new(response))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let (metadata, _, put) = request.into_parts();
        let written = [(put.key.clone(), Bytes::new())];
        self.forget(&written);
        let response = self.upstream.keys_for(&metadata).put(put).await;
        self.forget(&written);
        response.map(Response::new).map_err(|error| status(&error))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let (metadata, _, delete) = request.into_parts();
        let written = [(delete.key.clone(), delete.range_end.clone())];
        self.forget(&written);
        let response = self.upstream.keys_for(&metadata).delete_range(delete).await;
        self.forget(&written);
        response.map(Response::new).map_err(|error| status(&error))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let (metadata, _, txn) = request.into_parts();
        let mut keys = Vec::new();
        written(&txn, &mut keys);
        self.forget(&keys);
        let response = self.upstream.keys_for(&metadata).txn(txn).await;
        self.forget(&keys);
        response.map(Response::new).map_err(|error| status(&error))
    }

    async fn compact(
        &self,
        request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        let (metadata, _, compaction) = request.into_parts();
        let response = self.upstream.client_for(&metadata).compact(compaction).await;
        let response = response.map_err(|error| status(&error))?;
        self.cache.compact(compaction.revision);
        Ok(Response::new(response))
    }

    type RangeStreamStream = Pin<Box<dyn Stream<Item = Result<RangeStreamResponse, Status>> + Send>>;

    async fn range_stream(
        &self,
        request: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        let (metadata, _, range) = request.into_parts();
        let stream = self.upstream.keys_for(&metadata).range_stream(range).await;
        let stream = stream.map_err(|error| status(&error))?;
        let chunks = futures::stream::unfold(stream, |mut stream| async move {
            match stream.next().await {
                Ok(Some(chunk)) => Some((Ok(RangeStreamResponse { range_response: Some(chunk) }), stream)),
                Ok(None) => None,
                Err(error) => Some((Err(status(&error)), stream)),
            }
        });
        // Nothing comes behind an error.
        let mut failed = false;
        let chunks = chunks.take_while(move |chunk| {
            let go_on = !failed;
            failed = chunk.is_err();
            futures::future::ready(go_on)
        });
        Ok(Response::new(Box::pin(chunks)))
    }
}
