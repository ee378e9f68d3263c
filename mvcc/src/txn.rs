//! Transactions: conditions, then one of two lists of operations, which may hold transactions again.
//!
//! All conditions, nested ones too, are judged on the state before the transaction. The outcomes are written
//! down in the order in which checking and execution meet them: both then walk the same path.

use crate::{
    Error, LeaseBinding, Result, Store, WriteTxn,
    apply::{self, header},
    compare,
    view::View,
};
use oxetcd_api::{
    EventBatch,
    etcdserverpb::{
        RangeRequest, RangeResponse, RequestOp, ResponseHeader, ResponseOp, TxnRequest, TxnResponse,
        request_op::Request, response_op::Response,
    },
};
use oxetcd_storage::Step;
use std::slice::Iter;

/// Whether ranges inside a transaction are worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Yes: somebody waits for the answer.
    Execute,
    /// No: only the changes matter. The answer's ranges hold nothing but a header.
    Skip,
}

impl Store {
    /// Applies a transaction.
    ///
    /// # Errors
    /// Any of [`Error`]'s. After a deterministic one ([`Error::is_deterministic`]) nothing is changed; after
    /// any other the member must stop.
    pub fn apply_txn(
        &self,
        step: &Step<'_>,
        request: &TxnRequest,
        leases: &mut dyn LeaseBinding,
        ranges: Ranges,
    ) -> Result<(TxnResponse, Option<EventBatch>)> {
        let mut txn = self.begin(step, leases);
        let mut outcomes = Vec::new();
        judge(&txn.view(), request, &mut outcomes)?;
        check(&txn, request, &mut outcomes.iter())?;
        let mut response = execute(&mut txn, request, &mut outcomes.iter(), ranges)?;
        response.header = header(txn.revision());
        Ok((response, txn.end()))
    }

    /// Serves a transaction that only reads ([`is_read_only`](crate::check::is_read_only)), at the current
    /// revision.
    ///
    /// # Errors
    /// As [`Store::range`]; an operation that writes is left out, as if it were empty.
    pub fn read_txn(&self, request: &TxnRequest) -> Result<TxnResponse> {
        self.read_txn_with_pauses(request, &|| {})
    }

    /// As [`Store::read_txn`], for a transaction that takes long: `pause` is called as by [`Store::range_with_pauses`].
    ///
    /// # Errors
    /// As [`Store::read_txn`].
    pub fn read_txn_with_pauses(&self, request: &TxnRequest, pause: &dyn Fn()) -> Result<TxnResponse> {
        let (view, _pin) = loop {
            let current = self.revision();
            if let Some(pin) = self.shared.pins.pin(current) {
                break (View::pinned(&self.shared, current, pause), pin);
            }
        };
        let succeeded = compare::all(&view, &request.compare)?;
        let operations = || branch(request, succeeded).iter().map(|operation| operation.request.as_ref());
        for operation in operations() {
            if let Some(Request::RequestRange(range)) = operation {
                check_range(&view, range)?;
            }
        }
        let responses = operations().map(|operation| match operation {
            Some(Request::RequestRange(range)) => range_op(&view, range),
            _ => Ok(ResponseOp { response: None }),
        });
        let responses = responses.collect::<Result<_>>()?;
        Ok(TxnResponse { header: header(view.current), succeeded, responses })
    }
}

fn branch(request: &TxnRequest, succeeded: bool) -> &[RequestOp] {
    if succeeded { &request.success } else { &request.failure }
}

/// Judges the conditions of a transaction and of those inside the branch taken.
fn judge(view: &View<'_>, request: &TxnRequest, outcomes: &mut Vec<bool>) -> Result<()> {
    let succeeded = compare::all(view, &request.compare)?;
    outcomes.push(succeeded);
    for operation in branch(request, succeeded) {
        if let Some(Request::RequestTxn(nested)) = &operation.request {
            judge(view, nested, outcomes)?;
        }
    }
    Ok(())
}

/// The next outcome; there are as many as transactions are met.
fn next(outcomes: &mut Iter<'_, bool>) -> bool {
    outcomes.next().copied().unwrap_or_default()
}

/// Whether everything that the transaction will do can be done.
fn check(txn: &WriteTxn<'_>, request: &TxnRequest, outcomes: &mut Iter<'_, bool>) -> Result<()> {
    for operation in branch(request, next(outcomes)) {
        match &operation.request {
            Some(Request::RequestRange(range)) => check_range(&txn.view(), range)?,
            Some(Request::RequestPut(put)) => apply::check_put(txn, put)?,
            Some(Request::RequestTxn(nested)) => check(txn, nested, outcomes)?,
            Some(Request::RequestDeleteRange(_)) | None => {}
        }
    }
    Ok(())
}

/// Inside a transaction a negative revision is not "now": it is compacted once there was a compaction.
fn check_range(view: &View<'_>, request: &RangeRequest) -> Result<()> {
    view.revision_of(request)?;
    if request.revision != 0 && request.revision < view.shared.pins.compacted() {
        return Err(Error::Compacted);
    }
    Ok(())
}

fn execute(
    txn: &mut WriteTxn<'_>,
    request: &TxnRequest,
    outcomes: &mut Iter<'_, bool>,
    ranges: Ranges,
) -> Result<TxnResponse> {
    let succeeded = next(outcomes);
    let operations = branch(request, succeeded);
    let mut responses = Vec::with_capacity(operations.len());
    for operation in operations {
        let response = match &operation.request {
            Some(Request::RequestRange(_)) if ranges == Ranges::Skip => {
                let header = header(txn.revision());
                Some(Response::ResponseRange(RangeResponse { header, ..RangeResponse::default() }))
            }
            Some(Request::RequestRange(range)) => range_op(&txn.view(), range)?.response,
            Some(Request::RequestPut(put)) => Some(Response::ResponsePut(apply::put(txn, put)?)),
            Some(Request::RequestDeleteRange(delete)) => {
                Some(Response::ResponseDeleteRange(apply::delete_range(txn, delete)?))
            }
            Some(Request::RequestTxn(nested)) => {
                Some(Response::ResponseTxn(execute(txn, nested, outcomes, ranges)?))
            }
            None => None,
        };
        responses.push(ResponseOp { response });
    }
    // A nested transaction's header stays empty, as in etcd; the outermost one is filled in by the caller.
    Ok(TxnResponse { header: Some(ResponseHeader::default()), succeeded, responses })
}

fn range_op(view: &View<'_>, request: &RangeRequest) -> Result<ResponseOp> {
    let response = view.range(request)?.to_message()?;
    Ok(ResponseOp { response: Some(Response::ResponseRange(response)) })
}
