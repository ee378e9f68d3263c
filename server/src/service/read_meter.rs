//! Counts and times reads that do not go through the log, and speaks up about those that took too long.

use super::Read;
use crate::{describe, metrics::Op};
use bytes::Bytes;
use std::time::Instant;

/// A read in progress.
pub(crate) struct ReadMeter {
    op: Op,
    began: Instant,
}

impl ReadMeter {
    /// A read of the kind `op` that begins now.
    pub(crate) fn begin(op: Op) -> Self {
        ReadMeter { op, began: Instant::now() }
    }

    /// The read is over. `request` encodes what the method at `path` was asked for.
    pub(crate) fn end<M: Read>(self, member: &M, success: bool, path: &str, request: impl FnOnce() -> Bytes) {
        let (took, server) = (self.began.elapsed(), &member.metrics().server);
        server.requested(self.op, success, took);
        let expected = member.limits().warn_apply;
        if took > expected {
            server.slow_applies.inc();
            let prefix = if self.op == Op::Range { "read-only range " } else { "read-only txn " };
            let request = describe::request(path, request());
            tracing::warn!(
                ?took,
                "expected-duration" = ?expected,
                prefix,
                request,
                "apply request took too long"
            );
        }
    }
}
