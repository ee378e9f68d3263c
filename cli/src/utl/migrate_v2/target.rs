//! Writing keys of version 3.

use super::plan::{Group, Plan, Planned};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use oxetcd_api::etcdserverpb::{
    Compare, LeaseGrantRequest, LeaseRevokeRequest, PutRequest, RequestOp, TxnRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
};
use oxetcd_client::{Client, Error};

/// Writes that are under way at once; their order does not matter.
const CONCURRENT_WRITES: usize = 32;

/// The cluster that is written to.
pub(super) struct Target {
    pub(super) client: Client,
    /// Whether keys that are there already are written, too.
    pub(super) overwrites: bool,
    pub(super) bar: ProgressBar,
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) written: usize,
    /// Those of them that have a lease.
    pub(super) leased: usize,
    pub(super) there_already: usize,
}

impl Target {
    /// Writes everything.
    pub(super) async fn write(&self, plan: &Plan) -> Result<Done, Error> {
        let mut done = Done::default();
        for group in &plan.groups {
            let written = self.write_group(group).await?;
            done.written += written;
            done.leased += if group.ttl_s.is_some() { written } else { 0 };
            done.there_already += group.keys.len() - written;
        }
        self.bar.finish_and_clear();
        Ok(done)
    }

    /// Writes keys that go together; how many were not there.
    async fn write_group(&self, group: &Group) -> Result<usize, Error> {
        let lease = match group.ttl_s {
            Some(ttl) => self.client.lease_grant(LeaseGrantRequest { ttl, id: 0 }).await?.id,
            None => 0,
        };
        let writes = stream::iter(group.keys.iter().map(|key| self.write_key(key, lease)));
        let writes = writes.buffer_unordered(CONCURRENT_WRITES);
        let written = writes.try_fold(0, async |count, written| Ok(count + usize::from(written))).await?;
        if lease != 0 && written == 0 {
            // Nobody needs it.
            self.client.lease_revoke(LeaseRevokeRequest { id: lease }).await?;
        }
        Ok(written)
    }

    /// Writes a key unless it is there; whether it did.
    async fn write_key(&self, planned: &Planned, lease: i64) -> Result<bool, Error> {
        let key = Bytes::copy_from_slice(planned.key.as_bytes());
        let absent = Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Version.into(),
            key: key.clone(),
            target_union: Some(TargetUnion::Version(0)),
            ..Compare::default()
        };
        let value = Bytes::copy_from_slice(planned.value.as_bytes());
        let put = PutRequest { key, value, lease, ..PutRequest::default() };
        let request = TxnRequest {
            compare: if self.overwrites { Vec::new() } else { vec![absent] },
            success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
            failure: Vec::new(),
        };
        let written = self.client.txn(request).await?.succeeded;
        self.bar.inc(1);
        Ok(written)
    }
}
