//! `--audit-log FILE`: who called what, about which keys, what came of it and how long it took. A line of JSON a call.
//!
//! A call never waits for it. It leaves a [`Record`] in a queue of limited size and goes on; a thread of low priority
//! takes all that there is a few times a second, turns it into lines and writes them. What does not fit into the queue,
//! or cannot be written, is lost and counted (`oxetcd_audit_dropped_total`).
//!
//! Lines hold names only: of keys, users, roles, leases. Values and passwords are in none. A stream (a watch, a
//! keep-alive) is one line, written when it ends.

mod details;
mod fields;
mod line;
mod queue;
mod seen;

pub(crate) use queue::Record;
pub(crate) use seen::Seen;

use line::Lines;
use prometheus::IntCounter;
use queue::{Queue, Records};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
    thread::JoinHandle,
};

/// The log; see the module's header. Dropping it writes what is left.
pub(crate) struct Audit {
    queue: Arc<Queue>,
    dropped: IntCounter,
    writer: Option<JoinHandle<()>>,
}

impl Audit {
    /// Begins to write to the file at `path`, behind what is there.
    ///
    /// # Errors
    /// When the file cannot be opened, or no thread can be had.
    pub(crate) fn open(path: &Path, dropped: IntCounter) -> Result<Arc<Audit>, String> {
        let failed = |error: std::io::Error| format!("--audit-log: {}: {error}", path.display());
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let queue = Arc::new(Queue::default());
        let writer = {
            let (queue, dropped) = (queue.clone(), dropped.clone());
            let thread = std::thread::Builder::new().name("audit".into());
            thread.spawn(move || write(&queue, file, &dropped)).map_err(failed)?
        };
        Ok(Arc::new(Audit { queue, dropped, writer: Some(writer) }))
    }

    /// Notes a call that has ended, with its encoded request as far as it was kept. Never waits.
    pub(crate) fn note(&self, record: Record, request: &[u8]) {
        if !self.queue.push(record, request) {
            self.dropped.inc();
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was told of when it happened.
            let _ = writer.join();
        }
    }
}

/// Writes until the queue is closed and empty.
fn write(queue: &Queue, mut file: File, dropped: &IntCounter) {
    let (mut lines, mut records, mut fails) = (Lines::default(), Records::default(), false);
    while queue.take(&mut records) {
        lines.text.clear();
        records.iter().for_each(|(record, request)| lines.push(record, request));
        let written = file.write_all(&lines.text);
        if let Err(error) = &written {
            dropped.inc_by(records.len() as u64);
            if !fails {
                tracing::warn!(%error, "the audit log cannot be written; its lines are lost until it can be again");
            }
        }
        fails = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Remote;
    use std::time::{Duration, SystemTime};
    use tonic::Code;

    fn record() -> Record {
        Record {
            ended: SystemTime::UNIX_EPOCH,
            remote: Remote::Unix,
            seen: None,
            path: "/etcdserverpb.Cluster/MemberList".into(),
            code: Code::Ok,
            took: Duration::from_micros(7),
        }
    }

    #[test]
    fn all_that_was_noted_is_written_before_the_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("audit.log");
        let dropped = IntCounter::new("dropped", "lines").expect("a counter");
        for _ in 0..2 {
            let audit = Audit::open(&path, dropped.clone()).expect("a new file");
            (0..1000).for_each(|_| audit.note(record(), &[]));
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        assert_eq!((text.lines().count(), dropped.get()), (2000, 0));
        assert!(Audit::open(dir.path(), dropped).is_err_and(|error| error.contains("--audit-log")));
    }

    #[test]
    fn a_file_that_cannot_be_written_costs_lines_and_nothing_else() {
        let dropped = IntCounter::new("dropped", "lines").expect("a counter");
        let audit = Audit::open(Path::new("/dev/full"), dropped.clone()).expect("it can be opened");
        (0..100).for_each(|_| audit.note(record(), &[]));
        drop(audit);
        assert_eq!(dropped.get(), 100);
    }
}
