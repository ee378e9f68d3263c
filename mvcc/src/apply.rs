//! Requests of the log, applied.
//!
//! Every request is checked whole before its first change, because there is no way back from a half of one.
//! Answers carry the revision in their headers and nothing else there: the rest is the server's.

use crate::{Error, LeaseBinding, Result, Store, WriteTxn};
use oxetcd_api::{
    EventBatch,
    etcdserverpb::{
        DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, ResponseHeader,
    },
    mvccpb::KeyValue,
};
use oxetcd_storage::Step;

pub(crate) fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..ResponseHeader::default() })
}

impl Store {
    /// Applies a put.
    ///
    /// # Errors
    /// [`Error::LeaseNotFound`]; [`Error::KeyNotFound`] when the old value or lease is to be kept and there is
    /// none. Nothing is changed then. [`Error::Storage`] and [`Error::Corrupt`]: the member must stop.
    pub fn apply_put(
        &self,
        step: &Step<'_>,
        request: &PutRequest,
        leases: &mut dyn LeaseBinding,
    ) -> Result<(PutResponse, Option<EventBatch>)> {
        let mut txn = self.begin(step, leases);
        check_put(&txn, request)?;
        let response = put(&mut txn, request)?;
        Ok((response, txn.end()))
    }

    /// Applies a deletion.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`]: the member must stop.
    pub fn apply_delete_range(
        &self,
        step: &Step<'_>,
        request: &DeleteRangeRequest,
        leases: &mut dyn LeaseBinding,
    ) -> Result<(DeleteRangeResponse, Option<EventBatch>)> {
        let mut txn = self.begin(step, leases);
        let response = delete_range(&mut txn, request)?;
        Ok((response, txn.end()))
    }
}

/// Whether [`put`] can be done.
pub(crate) fn check_put(txn: &WriteTxn<'_>, request: &PutRequest) -> Result<()> {
    if request.lease != 0 && !txn.lease_exists(request.lease) {
        return Err(Error::LeaseNotFound);
    }
    let needs_old = request.ignore_value || request.ignore_lease;
    if needs_old && txn.view().shared.index.get(&request.key, txn.revision()).is_none() {
        return Err(Error::KeyNotFound);
    }
    Ok(())
}

pub(crate) fn put(txn: &mut WriteTxn<'_>, request: &PutRequest) -> Result<PutResponse> {
    let wants_old = request.prev_kv || request.ignore_value || request.ignore_lease;
    let old = if wants_old { txn.get(&request.key)? } else { None };
    // A transaction can delete the key first and then keep its value: there is none, on every member alike.
    let gone = KeyValue::default();
    let kept = old.as_ref().unwrap_or(&gone);
    let value = if request.ignore_value { &kept.value } else { &request.value };
    let lease = if request.ignore_lease { kept.lease } else { request.lease };
    txn.put(&request.key, value, lease)?;
    Ok(PutResponse { header: header(txn.revision()), prev_kv: old.filter(|_| request.prev_kv) })
}

pub(crate) fn delete_range(
    txn: &mut WriteTxn<'_>,
    request: &DeleteRangeRequest,
) -> Result<DeleteRangeResponse> {
    let mut prev_kvs = Vec::new();
    if request.prev_kv {
        let (key, range_end) = (request.key.clone(), request.range_end.clone());
        let range = RangeRequest { key, range_end, ..RangeRequest::default() };
        prev_kvs = txn.range(&range)?.kvs.decode()?;
    }
    let deleted = txn.delete_range(&request.key, &request.range_end)?;
    Ok(DeleteRangeResponse { header: header(txn.revision()), deleted, prev_kvs })
}
