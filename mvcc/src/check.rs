//! What makes a request invalid whatever the store holds: checked before it is proposed.
//!
//! The messages are etcd's, to the letter: clients match on them.

use crate::{
    intervals::{End, Intervals},
    range::{Filters, is_default_order},
};
use oxetcd_api::etcdserverpb::{
    DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
    range_request::{SortOrder, SortTarget},
    request_op::Request,
};
use std::collections::HashSet;

/// Why a request is invalid. All are "invalid argument" on the wire but the last two, which are
/// "unimplemented".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The key is empty.
    #[error("etcdserver: key is not provided")]
    EmptyKey,
    /// An operation of a transaction is empty.
    #[error("etcdserver: key not found")]
    EmptyOperation,
    /// A value is given and the old one is to be kept.
    #[error("etcdserver: value is provided")]
    ValueProvided,
    /// A lease is given and the old one is to be kept.
    #[error("etcdserver: lease is provided")]
    LeaseProvided,
    /// More operations or conditions than allowed.
    #[error("etcdserver: too many operations in txn request")]
    TooManyOperations,
    /// A key is put twice, or put and deleted, in one transaction.
    #[error("etcdserver: duplicate key given in txn request")]
    DuplicateKey,
    /// The order or its target is unknown.
    #[error("etcdserver: invalid sort option")]
    InvalidSortOption,
    /// A stream in an order of its own.
    #[error("RangeStream does not support custom sort orders")]
    StreamOrder,
    /// A stream with bounds on revisions.
    #[error("RangeStream does not support revision filters")]
    StreamFilters,
}

type Result<T = (), E = Invalid> = std::result::Result<T, E>;

fn key(key: &[u8]) -> Result {
    if key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

/// Checks a range.
///
/// # Errors
/// Why it is invalid.
pub fn range(request: &RangeRequest) -> Result {
    key(&request.key)?;
    let known =
        SortOrder::try_from(request.sort_order).is_ok() && SortTarget::try_from(request.sort_target).is_ok();
    if known { Ok(()) } else { Err(Invalid::InvalidSortOption) }
}

/// Checks a range that is to be streamed.
///
/// # Errors
/// Why it is invalid.
pub fn range_stream(request: &RangeRequest) -> Result {
    range(request)?;
    if !is_default_order(request) {
        return Err(Invalid::StreamOrder);
    }
    if Filters::new(request).any() { Err(Invalid::StreamFilters) } else { Ok(()) }
}

/// Checks a put.
///
/// # Errors
/// Why it is invalid.
pub fn put(request: &PutRequest) -> Result {
    key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Invalid::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Invalid::LeaseProvided);
    }
    Ok(())
}

/// Checks a deletion.
///
/// # Errors
/// Why it is invalid.
pub fn delete_range(request: &DeleteRangeRequest) -> Result {
    key(&request.key)
}

/// Checks a transaction. `max_txn_ops` bounds the conditions and each list of operations; a nested
/// transaction may use what the outer ones leave of it.
///
/// # Errors
/// Why it is invalid.
pub fn txn(request: &TxnRequest, max_txn_ops: usize) -> Result {
    operations(request, max_txn_ops)?;
    changes(&request.success)?;
    changes(&request.failure)?;
    Ok(())
}

/// Whether the transaction's own operations are all ranges; a nested transaction counts as a write.
pub fn is_read_only(request: &TxnRequest) -> bool {
    let is_range = |operation: &RequestOp| matches!(operation.request, Some(Request::RequestRange(_)));
    request.success.iter().chain(&request.failure).all(is_range)
}

/// Whether the transaction consists of serializable ranges only: it needs no agreement then.
pub fn is_serializable(request: &TxnRequest) -> bool {
    let serializable = |operation: &RequestOp| matches!(&operation.request, Some(Request::RequestRange(range)) if range.serializable);
    request.success.iter().chain(&request.failure).all(serializable)
}

fn operations(request: &TxnRequest, max: usize) -> Result {
    let count = request.compare.len().max(request.success.len()).max(request.failure.len());
    let left = max.checked_sub(count).ok_or(Invalid::TooManyOperations)?;
    request.compare.iter().try_for_each(|compare| key(&compare.key))?;
    request.success.iter().chain(&request.failure).try_for_each(|operation| match &operation.request {
        Some(Request::RequestRange(request)) => range(request),
        Some(Request::RequestPut(request)) => put(request),
        Some(Request::RequestDeleteRange(request)) => delete_range(request),
        Some(Request::RequestTxn(request)) => operations(request, left),
        None => Err(Invalid::EmptyOperation),
    })
}

/// The end of a deletion. etcd takes the end that means "everything from the key on" literally here, hence such
/// a deletion clashes with no put; clients may rely on that.
fn end(delete: &DeleteRangeRequest) -> End<'_> {
    if delete.range_end.is_empty() { End::Behind(&delete.key) } else { End::Before(&delete.range_end) }
}

/// Keys that a list of operations changes.
#[derive(Default)]
struct Changes<'a> {
    puts: HashSet<&'a [u8]>,
    deletes: Intervals<'a>,
}

impl<'a> Changes<'a> {
    fn put(&mut self, key: &'a [u8]) -> Result {
        if self.deletes.contains(key) || !self.puts.insert(key) {
            return Err(Invalid::DuplicateKey);
        }
        Ok(())
    }
}

/// Gathers the changes of a list; an error if two of them clash. The two branches of a nested transaction never
/// run both, so they may share keys.
fn changes(list: &[RequestOp]) -> Result<Changes<'_>> {
    let mut all = Changes::default();
    for operation in list {
        if let Some(Request::RequestDeleteRange(delete)) = &operation.request {
            all.deletes.insert(&delete.key, end(delete));
        }
    }
    for operation in list {
        if let Some(Request::RequestTxn(nested)) = &operation.request {
            let (then, otherwise) = (changes(&nested.success)?, changes(&nested.failure)?);
            then.puts.iter().try_for_each(|key| all.put(key))?;
            for key in &otherwise.puts {
                if !then.puts.contains(key) {
                    all.put(key)?;
                }
            }
            then.deletes
                .iter()
                .chain(otherwise.deletes.iter())
                .for_each(|(start, end)| all.deletes.insert(start, end));
        }
    }
    for operation in list {
        if let Some(Request::RequestPut(put)) = &operation.request {
            all.put(&put.key)?;
        }
    }
    Ok(all)
}
