//! The queue between calls and the writer: bounded in records and in bytes, and nobody waits for it but the writer.
//!
//! A call does not wake the writer, which would cost more than all the rest: the writer comes by itself. And a call leaves
//! no request behind, only a copy of what its line needs: a request is a part of its connection's buffer, which could
//! not be used again while somebody holds on to that part.

use super::{Seen, fields};
use crate::net::Remote;
use parking_lot::{Condvar, Mutex};
use std::{
    borrow::Cow,
    ops::Range,
    time::{Duration, Instant, SystemTime},
};
use tonic::Code;

/// Records that may wait, and bytes of their requests.
const RECORDS_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 64 << 20;
/// Memory that is kept for the next records.
const SPARE_BYTES_MAX: usize = 4 << 20;
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
    records: Records,
    is_closed: bool,
}

/// Records with their requests.
#[derive(Default)]
pub(super) struct Records {
    /// Each with the place of its request.
    records: Vec<(Record, Range<usize>)>,
    requests: Vec<u8>,
}

impl Records {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Each with its request.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Record, &[u8])> {
        self.records.iter().map(|(record, place)| (record, &self.requests[place.clone()]))
    }

    fn push(&mut self, record: Record, request: &[u8]) {
        let begin = self.requests.len();
        if record.path == "/etcdserverpb.KV/Put" {
            /// Where a put has its value, which is in no line.
            const VALUE: u32 = 2;
            let others = fields::of(request).filter(|field| field.tag != VALUE);
            others.for_each(|field| self.requests.extend_from_slice(field.whole));
        } else {
            self.requests.extend_from_slice(request);
        }
        self.records.push((record, begin..self.requests.len()));
    }

    fn clear(&mut self) {
        self.records.clear();
        self.requests.clear();
        self.requests.shrink_to(SPARE_BYTES_MAX);
    }
}

impl Queue {
    /// Adds a record with its encoded request, as far as it was kept. `false` when there is no room for it.
    pub(super) fn push(&self, record: Record, request: &[u8]) -> bool {
        let records = &mut self.waiting.lock().records;
        let fits = records.len() < RECORDS_MAX && records.requests.len() + request.len() <= BYTES_MAX;
        if fits {
            records.push(record, request);
        }
        fits
    }

    /// Takes all that waits, when it is time to write, in exchange for `done`. `false` when nothing will come any more.
    pub(super) fn take(&self, done: &mut Records) -> bool {
        done.clear();
        let until = Instant::now() + INTERVAL;
        let mut waiting = self.waiting.lock();
        while !waiting.is_closed && !self.closed.wait_until(&mut waiting, until).timed_out() {}
        std::mem::swap(&mut waiting.records, done);
        done.len() > 0 || !waiting.is_closed
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

    fn record() -> Record {
        Record {
            ended: SystemTime::UNIX_EPOCH,
            remote: Remote::Unix,
            seen: None,
            path: "/etcdserverpb.KV/Range".into(),
            code: Code::Ok,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_at_once() {
        let (queue, mut taken) = (Queue::default(), Records::default());
        let large = vec![0; 1 << 20];
        assert!((0..64).all(|_| queue.push(record(), &large)));
        assert!(!queue.push(record(), &[0]), "64 MiB are all that may wait");
        assert!(queue.push(record(), &[]));
        queue.close();
        assert!(queue.take(&mut taken) && taken.len() == 65);
        assert!(!queue.take(&mut taken));
        assert_eq!((0..RECORDS_MAX + 5).filter(|_| queue.push(record(), &[])).count(), RECORDS_MAX);
    }

    #[test]
    fn requests_come_out_as_they_went_in_but_for_the_values_of_puts() {
        let (queue, mut taken) = (Queue::default(), Records::default());
        // Fields 1 and 2 of two bytes each.
        let request = [0x0a, 2, b'k', b'1', 0x12, 2, b'v', b'1'];
        queue.push(record(), &request);
        queue.push(Record { path: "/etcdserverpb.KV/Put".into(), ..record() }, &request);
        queue.close();
        assert!(queue.take(&mut taken));
        let requests: Vec<&[u8]> = taken.iter().map(|(_, request)| request).collect();
        assert_eq!(requests, [&request[..], &request[..4]]);
    }
}
