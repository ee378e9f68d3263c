//! The space quota. A request that would take the store beyond it raises the NOSPACE alarm and is refused;
//! while the alarm stands, whatever would grow the store is refused, and deletes and compactions go on.

use super::{Propose, Read};
use crate::{metrics::Refused, status};
use oxetcd_api::etcdserverpb::{
    AlarmRequest, AlarmType, InternalRaftRequest, PutRequest, RequestOp, TxnRequest,
    alarm_request::AlarmAction, request_op::Request,
};
use tonic::Status;

/// What a lease takes, in bytes.
pub(crate) const LEASE_BYTES: u64 = 64;
/// What a key takes beside its own bytes and its value's.
const KEY_OVERHEAD_BYTES: u64 = 256;

/// What a put adds to the store at most, in bytes.
pub(crate) fn of_put(put: &PutRequest) -> u64 {
    KEY_OVERHEAD_BYTES + (put.key.len() + put.value.len()) as u64
}

/// What a transaction adds at most: its dearer branch.
pub(crate) fn of_txn(txn: &TxnRequest) -> u64 {
    let branch = |ops: &[RequestOp]| -> u64 {
        let cost = |op: &RequestOp| match &op.request {
            Some(Request::RequestPut(put)) => of_put(put),
            Some(Request::RequestTxn(txn)) => of_txn(txn),
            _ => 0,
        };
        ops.iter().map(cost).sum()
    };
    branch(&txn.success).max(branch(&txn.failure))
}

/// Admits a request that adds `cost_bytes`. Who is refused will also find the alarm raised.
///
/// # Errors
/// When there is no room for it, or an alarm forbids it.
pub(crate) async fn check<M: Propose + Read>(member: &M, cost_bytes: u64) -> Result<(), Status> {
    let Some(quota) = member.limits().quota_bytes else { return Ok(()) };
    if cost_bytes == 0 || member.size().in_use_bytes + cost_bytes < quota {
        return Ok(());
    }
    if !member.machine().alarms().no_space() {
        raise(member).await;
    }
    member.metrics().queues.refuse(Refused::Quota);
    Err(status::no_space())
}

/// Tells the whole cluster that this member is out of space.
async fn raise<M: Propose + Read>(member: &M) {
    let alarm = AlarmRequest {
        member_id: member.header().member_id,
        action: AlarmAction::Activate as i32,
        alarm: AlarmType::Nospace as i32,
    };
    let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() };
    let raised = match member.propose(request) {
        // Without a leader that may take long; the refusal does not depend on it.
        Ok(proposal) => match tokio::time::timeout(member.limits().request_timeout, proposal).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(status::timeout()),
        },
        Err(refused) => Err(refused),
    };
    if let Err(error) = raised {
        tracing::warn!(error = %error.message(), "failed to raise the NOSPACE alarm");
    }
}
