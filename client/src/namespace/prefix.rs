//! Keys of a namespace, inside and outside.
//!
//! Requests go out with the prefix before every key and bound; answers come in without it. The one bound that has no name
//! inside is "to the end": outside it is the first key behind the prefix.

use crate::{Error, error};
use bytes::{Bytes, BytesMut};
use oxetcd_api::{
    etcdserverpb::{
        Compare, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest,
        RangeResponse, RequestOp, ResponseOp, TxnRequest, TxnResponse, WatchCreateRequest, WatchResponse,
        request_op::Request, response_op::Response,
    },
    mvccpb::KeyValue,
};

/// As a bound of a range: no bound.
const TO_THE_END: &[u8] = &[0];

/// What stands before every key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefix(Bytes);

impl Prefix {
    pub(crate) fn new(prefix: Bytes) -> Self {
        Prefix(prefix)
    }

    /// A key as it is outside.
    pub(crate) fn key(&self, key: &[u8]) -> Bytes {
        if self.0.is_empty() {
            return Bytes::copy_from_slice(key);
        }
        let mut whole = BytesMut::with_capacity(self.0.len() + key.len());
        whole.extend_from_slice(&self.0);
        whole.extend_from_slice(key);
        whole.freeze()
    }

    /// The end of a range as it is outside. Empty stays empty: a single key.
    fn end(&self, end: &[u8]) -> Bytes {
        match end {
            [] => Bytes::new(),
            TO_THE_END => self.behind(),
            _ => self.key(end),
        }
    }

    /// The first key behind all keys with the prefix; "to the end" if there is none.
    fn behind(&self) -> Bytes {
        let kept = self.0.iter().rposition(|byte| *byte != u8::MAX);
        let Some(last) = kept else { return Bytes::from_static(TO_THE_END) };
        let mut behind = BytesMut::from(&self.0[..=last]);
        behind[last] += 1;
        behind.freeze()
    }

    /// A key and the end of its range. An empty key alone means nothing, and must not come to mean the prefix.
    fn interval(&self, key: &mut Bytes, end: &mut Bytes) -> Result<(), Error> {
        if key.is_empty() && end.is_empty() {
            return Err(Error::etcd(error::EMPTY_KEY));
        }
        (*key, *end) = (self.key(key), self.end(end));
        Ok(())
    }

    pub(crate) fn range_request(&self, mut request: RangeRequest) -> Result<RangeRequest, Error> {
        self.interval(&mut request.key, &mut request.range_end)?;
        Ok(request)
    }

    pub(crate) fn put_request(&self, mut request: PutRequest) -> Result<PutRequest, Error> {
        self.interval(&mut request.key, &mut Bytes::new())?;
        Ok(request)
    }

    pub(crate) fn delete_request(
        &self,
        mut request: DeleteRangeRequest,
    ) -> Result<DeleteRangeRequest, Error> {
        self.interval(&mut request.key, &mut request.range_end)?;
        Ok(request)
    }

    pub(crate) fn txn_request(&self, request: TxnRequest) -> Result<TxnRequest, Error> {
        let compare = |mut compare: Compare| {
            self.interval(&mut compare.key, &mut compare.range_end)?;
            Ok(compare)
        };
        let ops = |ops: Vec<RequestOp>| {
            ops.into_iter().map(|op| self.request_op(op)).collect::<Result<Vec<_>, Error>>()
        };
        Ok(TxnRequest {
            compare: request.compare.into_iter().map(compare).collect::<Result<_, Error>>()?,
            success: ops(request.success)?,
            failure: ops(request.failure)?,
        })
    }

    fn request_op(&self, op: RequestOp) -> Result<RequestOp, Error> {
        let request = match op.request {
            Some(Request::RequestRange(range)) => Some(Request::RequestRange(self.range_request(range)?)),
            Some(Request::RequestPut(put)) => Some(Request::RequestPut(self.put_request(put)?)),
            Some(Request::RequestDeleteRange(delete)) => {
                Some(Request::RequestDeleteRange(self.delete_request(delete)?))
            }
            Some(Request::RequestTxn(txn)) => Some(Request::RequestTxn(self.txn_request(txn)?)),
            None => None,
        };
        Ok(RequestOp { request })
    }

    /// An empty key alone is the first possible key, as for a server.
    pub(crate) fn watch_request(&self, mut request: WatchCreateRequest) -> WatchCreateRequest {
        if self.0.is_empty() {
            return request;
        }
        if request.key.is_empty() && request.range_end.is_empty() {
            request.key = Bytes::from_static(&[0]);
        }
        (request.key, request.range_end) = (self.key(&request.key), self.end(&request.range_end));
        request
    }

    /// A key as it is inside.
    fn strip(&self, key: &mut Bytes) {
        if key.starts_with(&self.0) {
            *key = key.slice(self.0.len()..);
        }
    }

    fn strip_kvs<'a>(&self, kvs: impl IntoIterator<Item = &'a mut KeyValue>) {
        if !self.0.is_empty() {
            kvs.into_iter().for_each(|kv| self.strip(&mut kv.key));
        }
    }

    /// Keys as they are inside, without those of others.
    pub(crate) fn keys(&self, keys: &mut Vec<Bytes>) {
        keys.retain(|key| key.starts_with(&self.0));
        keys.iter_mut().for_each(|key| self.strip(key));
    }

    pub(crate) fn range_response(&self, response: &mut RangeResponse) {
        self.strip_kvs(&mut response.kvs);
    }

    pub(crate) fn put_response(&self, response: &mut PutResponse) {
        self.strip_kvs(&mut response.prev_kv);
    }

    pub(crate) fn delete_response(&self, response: &mut DeleteRangeResponse) {
        self.strip_kvs(&mut response.prev_kvs);
    }

    pub(crate) fn txn_response(&self, response: &mut TxnResponse) {
        for ResponseOp { response } in &mut response.responses {
            match response {
                Some(Response::ResponseRange(range)) => self.range_response(range),
                Some(Response::ResponsePut(put)) => self.put_response(put),
                Some(Response::ResponseDeleteRange(delete)) => self.delete_response(delete),
                Some(Response::ResponseTxn(txn)) => self.txn_response(txn),
                None => {}
            }
        }
    }

    pub(crate) fn watch_response(&self, response: &mut WatchResponse) {
        for event in &mut response.events {
            self.strip_kvs(event.kv.iter_mut().chain(&mut event.prev_kv));
        }
    }
}

#[cfg(test)]
#[path = "prefix_tests.rs"]
mod tests;
