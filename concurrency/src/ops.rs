//! The requests that locks and elections are made of.

use bytes::{BufMut, Bytes, BytesMut};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        Compare, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, RequestOp, ResponseOp,
        TxnRequest,
        compare::{CompareResult, CompareTarget, TargetUnion},
        range_request::{SortOrder, SortTarget},
        request_op::Request,
        response_op::Response,
    },
};

/// The line that everybody stands in who wants `name`: keys of this prefix, the oldest first.
pub(crate) fn line(name: &[u8]) -> Bytes {
    let mut prefix = BytesMut::with_capacity(name.len() + 1);
    prefix.put_slice(name);
    prefix.put_u8(b'/');
    prefix.freeze()
}

/// The end of a line's range: it ends in a slash, and this is the character after it.
fn end_of(line: &Bytes) -> Bytes {
    let mut end = BytesMut::from(&line[..line.len().saturating_sub(1)]);
    end.put_u8(b'/' + 1);
    end.freeze()
}

/// The key of a lease in a line.
pub(crate) fn key_of(line: &Bytes, lease: LeaseId) -> Bytes {
    let sign = if lease < 0 { "-" } else { "" };
    let mut key = BytesMut::from(&line[..]);
    key.put_slice(format!("{sign}{:x}", lease.unsigned_abs()).as_bytes());
    key.freeze()
}

pub(crate) fn get(key: Bytes) -> RangeRequest {
    RangeRequest { key, ..RangeRequest::default() }
}

/// The whole line.
pub(crate) fn all(line: &Bytes) -> RangeRequest {
    RangeRequest { key: line.clone(), range_end: end_of(line), ..RangeRequest::default() }
}

/// The first of a line.
pub(crate) fn first(line: &Bytes) -> RangeRequest {
    let (sort_order, sort_target) = (SortOrder::Ascend.into(), SortTarget::Create.into());
    RangeRequest { limit: 1, sort_order, sort_target, ..all(line) }
}

/// The last of a line who came at `revision` or before.
pub(crate) fn last_up_to(line: &Bytes, revision: i64) -> RangeRequest {
    let (sort_order, sort_target) = (SortOrder::Descend.into(), SortTarget::Create.into());
    RangeRequest { limit: 1, sort_order, sort_target, max_create_revision: revision, ..all(line) }
}

/// Whether the key was made at `revision`; 0: whether it does not exist.
pub(crate) fn created_at(key: Bytes, revision: i64) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        key,
        target_union: Some(TargetUnion::CreateRevision(revision)),
        ..Compare::default()
    }
}

/// Compares the revision of a key's last change.
pub(crate) fn changed(key: Bytes, result: CompareResult, revision: i64) -> Compare {
    Compare {
        result: result.into(),
        target: CompareTarget::Mod.into(),
        key,
        target_union: Some(TargetUnion::ModRevision(revision)),
        ..Compare::default()
    }
}

pub(crate) fn op_range(request: RangeRequest) -> RequestOp {
    RequestOp { request: Some(Request::RequestRange(request)) }
}

pub(crate) fn op_put(key: Bytes, value: Bytes, lease: LeaseId) -> RequestOp {
    let put = PutRequest { key, value, lease, ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(put)) }
}

pub(crate) fn op_delete(key: Bytes) -> RequestOp {
    let delete = DeleteRangeRequest { key, ..DeleteRangeRequest::default() };
    RequestOp { request: Some(Request::RequestDeleteRange(delete)) }
}

/// Deletes a key if it still is the one that was made at `revision`.
pub(crate) fn delete_if_created_at(key: Bytes, revision: i64) -> TxnRequest {
    TxnRequest {
        compare: vec![created_at(key.clone(), revision)],
        success: vec![op_delete(key)],
        failure: Vec::new(),
    }
}

/// The answer to a range inside a transaction.
pub(crate) fn range_of(response: Option<&ResponseOp>) -> Option<&RangeResponse> {
    match response?.response.as_ref()? {
        Response::ResponseRange(range) => Some(range),
        _ => None,
    }
}
