//! Counts and times what a turn applies, and speaks up about entries that took too long or failed.

use crate::{
    describe,
    metrics::{Metrics, Op},
};
use bytes::Bytes;
use oxetcd_api::{
    EventKind,
    etcdserverpb::{ResponseOp, TxnResponse, response_op::Response as Answer},
};
use oxetcd_machine::{ApplyError, Effects, Kind, Outcome, Response};
use std::time::{Duration, Instant};

/// The meter of one turn. It looks at the clock once an entry.
pub(crate) struct ApplyMeter<'a> {
    metrics: &'a Metrics,
    /// Entries that take longer are worth a line in the log.
    warn_after: Duration,
    /// End of the entry before.
    last: Instant,
    counted: Counted,
}

/// What transactions did.
#[derive(Default)]
struct Counted {
    puts: u64,
    put_bytes: i64,
    deletes: u64,
    ranges: u64,
    txns: u64,
}

impl<'a> ApplyMeter<'a> {
    /// The meter of a turn that begins now.
    pub(crate) fn new(metrics: &'a Metrics, warn_after: Duration) -> Self {
        ApplyMeter { metrics, warn_after, last: Instant::now(), counted: Counted::default() }
    }

    /// Takes note of the entry that was just applied: its encoded request, and what came of it. Answers with
    /// the name under which it is measured.
    pub(crate) fn note(&mut self, data: &Bytes, outcome: &Outcome, effects: &Effects) -> Op {
        let op = op(effects.kind);
        // A leader's empty first entry.
        if data.is_empty() {
            return op;
        }
        let now = Instant::now();
        let took = now - std::mem::replace(&mut self.last, now);
        let success = match outcome {
            Ok(_) | Err(ApplyError::Store(oxetcd_mvcc::Error::Compacted)) => true,
            Err(error) => {
                let request = describe::entry(data.clone());
                tracing::warn!(?took, request, error = %error, "failed to apply request");
                false
            }
        };
        self.metrics.server.applied(op, success, took);
        if let (Some(prefixes), Some(batch)) = (self.metrics.prefixes.get(), &effects.events) {
            prefixes.changed(&batch.events);
        }
        if took > self.warn_after {
            self.metrics.server.slow_applies.inc();
            let request = describe::entry(data.clone());
            let expected = self.warn_after;
            tracing::warn!(?took, "expected-duration" = ?expected, request, "apply request took too long");
        }
        if let Ok(response) = outcome {
            self.count(response, effects);
        }
        op
    }

    fn count(&mut self, response: &Response, effects: &Effects) {
        let counted = &mut self.counted;
        let lease = &self.metrics.lease;
        match response {
            Response::Put(_) => counted.puts += 1,
            Response::DeleteRange(_) => counted.deletes += 1,
            Response::Range(_) => counted.ranges += 1,
            Response::Txn(txn) => {
                let before = counted.operations();
                counted.txn(txn);
                counted.txns += u64::from(counted.operations() > before + 1);
            }
            Response::LeaseGrant(grant) => {
                lease.granted.inc();
                lease.ttl.observe(grant.ttl as f64);
            }
            Response::LeaseRevoke(_) => lease.revoked.inc(),
            _ => {}
        }
        let events = effects.events.iter().flat_map(|batch| &batch.events);
        let puts = events.filter(|event| event.kind == EventKind::Put);
        // Records as they are stored: some twenty bytes more than their keys and values.
        counted.put_bytes += puts.map(|event| event.kv.len() as i64).sum::<i64>();
    }
}

/// The counters are shared with whoever is scraping: one addition a turn is enough.
impl Drop for ApplyMeter<'_> {
    fn drop(&mut self) {
        let (mvcc, counted) = (&self.metrics.mvcc, &self.counted);
        mvcc.puts.inc_by(counted.puts);
        mvcc.put_bytes.add(counted.put_bytes);
        mvcc.deletes.inc_by(counted.deletes);
        mvcc.ranges.inc_by(counted.ranges);
        mvcc.txns.inc_by(counted.txns);
    }
}

impl Counted {
    fn operations(&self) -> u64 {
        self.puts + self.deletes + self.ranges
    }

    fn txn(&mut self, txn: &TxnResponse) {
        for ResponseOp { response } in &txn.responses {
            match response {
                Some(Answer::ResponsePut(_)) => self.puts += 1,
                Some(Answer::ResponseDeleteRange(_)) => self.deletes += 1,
                Some(Answer::ResponseRange(_)) => self.ranges += 1,
                Some(Answer::ResponseTxn(txn)) => self.txn(txn),
                None => {}
            }
        }
    }
}

const fn op(kind: Kind) -> Op {
    match kind {
        Kind::Put => Op::Put,
        Kind::Txn => Op::Txn,
        Kind::DeleteRange => Op::DeleteRange,
        Kind::Range => Op::Range,
        Kind::LeaseGrant => Op::LeaseGrant,
        Kind::LeaseRevoke => Op::LeaseRevoke,
        Kind::LeaseCheckpoint => Op::LeaseCheckpoint,
        Kind::Compaction => Op::Compaction,
        Kind::Alarm => Op::Alarm,
        Kind::Authenticate => Op::Authenticate,
        Kind::AuthStatus => Op::AuthStatus,
        Kind::AuthEnable => Op::AuthEnable,
        Kind::AuthDisable => Op::AuthDisable,
        Kind::AuthUserAdd => Op::AuthUserAdd,
        Kind::AuthUserDelete => Op::AuthUserDelete,
        Kind::AuthUserChangePassword => Op::AuthUserChangePassword,
        Kind::AuthUserGrantRole => Op::AuthUserGrantRole,
        Kind::AuthUserGet => Op::AuthUserGet,
        Kind::AuthUserRevokeRole => Op::AuthUserRevokeRole,
        Kind::AuthUserList => Op::AuthUserList,
        Kind::AuthRoleAdd => Op::AuthRoleAdd,
        Kind::AuthRoleGrantPermission => Op::AuthRoleGrantPermission,
        Kind::AuthRoleGet => Op::AuthRoleGet,
        Kind::AuthRoleRevokePermission => Op::AuthRoleRevokePermission,
        Kind::AuthRoleDelete => Op::AuthRoleDelete,
        Kind::AuthRoleList => Op::AuthRoleList,
        Kind::ClusterVersionSet => Op::ClusterVersionSet,
        Kind::ClusterMemberAttrSet => Op::ClusterMemberAttrSet,
        Kind::DowngradeInfoSet => Op::DowngradeInfoSet,
        Kind::DowngradeVersionTest => Op::DowngradeVersionTest,
        Kind::Other => Op::Unknown,
    }
}
