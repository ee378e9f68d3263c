//! The queue between calls and the writer: bounded in records and in bytes, and nobody waits for it but the writer.
//!
//! A call does not wake the writer, which would cost more than all the rest: the writer comes by itself.

use super::Seen;
use crate::net::Remote;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::{
    borrow::Cow,
    time::{Duration, Instant, SystemTime},
};
use tonic::Code;

/// Records that may wait, and bytes of their requests: a request is kept until its line is made.
const RECORDS_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 64 << 20;
/// Between two looks of the writer.
const INTERVAL: Duration = Duration::from_millis(100);

/// A call that has ended.
pub(crate) struct Record {
    /// When.
    pub(crate) ended: SystemTime,
    /// Who called: where from,
    pub(crate) remote: Remote,
    /// and as which user, if that was looked at.
    pub(crate) seen: Option<Seen>,
    /// Path of the method.
    pub(crate) path: Cow<'static, str>,
    /// The encoded request, as far as it was kept.
    pub(crate) request: Bytes,
    /// What came of it.
    pub(crate) code: Code,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The queue; see the module's header.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    closed: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    bytes: usize,
    is_closed: bool,
}

impl Queue {
    /// Adds a record. `false` when there is no room for it.
    pub(super) fn push(&self, record: Record) -> bool {
        let mut waiting = self.waiting.lock();
        let bytes = waiting.bytes + record.request.len();
        let fits = waiting.records.len() < RECORDS_MAX && bytes <= BYTES_MAX;
        if fits {
            waiting.bytes = bytes;
            waiting.records.push(record);
        }
        fits
    }

    /// All that waits, when it is time to write; `None` when nothing will come any more.
    pub(super) fn take(&self) -> Option<Vec<Record>> {
        let until = Instant::now() + INTERVAL;
        let mut waiting = self.waiting.lock();
        while !waiting.is_closed && !self.closed.wait_until(&mut waiting, until).timed_out() {}
        waiting.bytes = 0;
        let records = std::mem::take(&mut waiting.records);
        (!records.is_empty() || !waiting.is_closed).then_some(records)
    }

    /// Has the writer end once all is written.
    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Record {
        Record {
            ended: SystemTime::UNIX_EPOCH,
            remote: Remote::Unix,
            seen: None,
            path: "/etcdserverpb.KV/Put".into(),
            request: Bytes::from(vec![0; bytes]),
            code: Code::Ok,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_at_once() {
        let queue = Queue::default();
        assert!((0..64).all(|_| queue.push(record(1 << 20))));
        assert!(!queue.push(record(1)), "64 MiB are all that may wait");
        assert!(queue.push(record(0)));
        queue.close();
        assert_eq!(queue.take().map(|records| records.len()), Some(65));
        assert!(queue.take().is_none());
        assert_eq!((0..RECORDS_MAX + 5).filter(|_| queue.push(record(0))).count(), RECORDS_MAX);
    }
}
