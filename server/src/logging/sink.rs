//! A queue and a thread for one output.

use super::{Format, Level, line, line::Line, output::Target};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The sending end of an output.
pub(super) struct Sink {
    queue: Sender<Work>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    queued_bytes: AtomicUsize,
    dropped: AtomicU64,
}

enum Work {
    Line(Arc<[u8]>),
    Flush(Sender<()>),
}

/// Most lines that wait for an output.
const MAX_QUEUED_LINES: usize = 16 * 1024;
/// Most bytes of them.
const MAX_QUEUED_BYTES: usize = 8 << 20;
/// Most bytes given to an output at once.
const BATCH_BYTES: usize = 64 << 10;
/// How long a flush waits for an output.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

impl Sink {
    /// Starts the thread that writes to `target`. It ends when the sink is gone and the queue is empty.
    pub(super) fn start(target: Box<dyn Target>, format: Format) -> io::Result<Sink> {
        let (queue, work) = bounded(MAX_QUEUED_LINES);
        let state = Arc::new(State::default());
        let writer = Writer { target, format, work, state: state.clone(), told: 0 };
        std::thread::Builder::new().name("log".into()).spawn(move || writer.run())?;
        Ok(Sink { queue, state })
    }

    /// Queues a line, or drops it when the queue is full.
    pub(super) fn send(&self, line: Arc<[u8]>) {
        let length = line.len();
        let queued = self.state.queued_bytes.fetch_add(length, Ordering::Relaxed) + length;
        let sent = queued <= MAX_QUEUED_BYTES && self.queue.try_send(Work::Line(line)).is_ok();
        if !sent {
            self.state.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what is queued is written, within [`FLUSH_TIMEOUT`].
    pub(super) fn flush(&self) {
        let (done, written) = bounded(1);
        if self.queue.send_timeout(Work::Flush(done), FLUSH_TIMEOUT).is_ok() {
            // An output that does not answer in time must not keep the process from ending.
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }

    pub(super) fn dropped_lines(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("state", &self.state).finish_non_exhaustive()
    }
}

struct Writer {
    target: Box<dyn Target>,
    format: Format,
    work: Receiver<Work>,
    state: Arc<State>,
    /// Dropped lines that a line in the log has told of.
    told: u64,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_BYTES);
        while let Ok(first) = self.work.recv() {
            let mut flushed = Vec::new();
            let mut lines = self.take(first, &mut batch, &mut flushed);
            while batch.len() < BATCH_BYTES {
                let Ok(next) = self.work.try_recv() else { break };
                lines += self.take(next, &mut batch, &mut flushed);
            }
            self.write(&mut batch, lines);
            for done in flushed {
                // Whoever asked may have gone.
                let _: Result<(), TrySendError<()>> = done.try_send(());
            }
        }
    }

    fn take(&self, work: Work, batch: &mut Vec<u8>, flushed: &mut Vec<Sender<()>>) -> u64 {
        match work {
            Work::Line(line) => {
                self.state.queued_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                batch.extend_from_slice(&line);
                1
            }
            Work::Flush(done) => {
                flushed.push(done);
                0
            }
        }
    }

    fn write(&mut self, batch: &mut Vec<u8>, lines: u64) {
        if !batch.is_empty() && self.target.write(batch).is_err() {
            self.state.dropped.fetch_add(lines, Ordering::Relaxed);
            return batch.clear();
        }
        batch.clear();
        let dropped = self.state.dropped.load(Ordering::Relaxed);
        if dropped > self.told {
            let mut notice = Line::new(self.format);
            notice.field("lines", &(dropped - self.told));
            let caller = line::caller(Some(file!()), Some(line!()));
            let notice = notice.finish(
                Level::Warn,
                &caller,
                "lines of this log were dropped: its output was too slow",
            );
            if self.target.write(&notice).is_ok() {
                self.told = dropped;
            }
        }
    }
}
