//! The compaction loop: removes superseded records in small batches with pauses between, so that nobody else
//! notices.

use super::Shared;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use oxetcd_machine::Machine;
use oxetcd_mvcc::{Compaction, Progress};
use oxetcd_storage::Durability;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A handle on the compaction loop.
pub(crate) struct CompactLoop(Sender<Job>);

/// A compaction, and the state that it belongs to.
struct Job {
    machine: Weak<Machine>,
    compaction: Compaction,
}

struct Worker {
    shared: Weak<Shared>,
    batch_limit: usize,
    pause: Duration,
    queue: Receiver<Job>,
    /// Jobs that came during a pause.
    waiting: VecDeque<Job>,
}

impl CompactLoop {
    /// Starts the loop: `batch_limit` records, then a pause, and so on.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        batch_limit: usize,
        pause: Duration,
    ) -> std::io::Result<(CompactLoop, JoinHandle<()>)> {
        let (jobs, queue) = unbounded();
        let waiting = VecDeque::new();
        let mut worker = Worker { shared: Arc::downgrade(shared), batch_limit, pause, queue, waiting };
        let thread = std::thread::Builder::new().name("compact".into()).spawn(move || worker.run())?;
        Ok((CompactLoop(jobs), thread))
    }

    /// Queues a compaction of `machine`. It ends quietly if another one takes that one's place.
    pub(crate) fn run(&self, machine: &Arc<Machine>, compaction: Compaction) {
        let job = Job { machine: Arc::downgrade(machine), compaction };
        // The loop ends before its handles only when the member has failed.
        let _ = self.0.send(job);
    }
}

impl Worker {
    fn run(&mut self) {
        while let Some(job) = self.waiting.pop_front().or_else(|| self.queue.recv().ok()) {
            let Some(shared) = self.shared.upgrade() else { return };
            let Some(machine) = job.machine.upgrade() else { continue };
            if let Err(error) = self.compact(&shared, &machine, job.compaction) {
                shared.fate.fail(error);
                return;
            }
        }
    }

    /// Waits for the length of a pause; `false` when the member stops meanwhile.
    fn rest(&mut self) -> bool {
        let end = Instant::now() + self.pause;
        loop {
            match self.queue.recv_deadline(end) {
                Ok(job) => self.waiting.push_back(job),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn compact(
        &mut self,
        shared: &Shared,
        machine: &Arc<Machine>,
        mut job: Compaction,
    ) -> Result<(), String> {
        let began = Instant::now();
        let revision = job.revision();
        let mvcc = &shared.metrics.mvcc;
        loop {
            let batch = Instant::now();
            let progress = job.run_batch(self.batch_limit).map_err(|error| error.to_string())?;
            mvcc.compaction_pause_ms.observe(batch.elapsed().as_secs_f64() * 1e3);
            if progress == Progress::Done {
                break;
            }
            // What is not done is taken up again at the next start, or was done where the snapshot came from.
            if shared.fate.is_over() || !Arc::ptr_eq(&shared.machine.load(), machine) {
                return Ok(());
            }
            if !self.rest() {
                return Ok(());
            }
        }
        // Whoever waits for a physical compaction wants to find it done after a crash, too.
        machine.buffer().commit(Durability::Synced).map_err(|error| error.to_string())?;
        shared.compacted.send_if_modified(|done| {
            let newer = revision > *done;
            *done = revision.max(*done);
            newer
        });
        mvcc.compacted_keys.inc_by(job.removed());
        mvcc.compaction_total_ms.observe(began.elapsed().as_secs_f64() * 1e3);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        mvcc.compaction_last.set(unix.as_secs() as i64);
        tracing::info!(
            "compact-revision" = revision,
            took = ?began.elapsed(),
            "number-of-keys-compacted" = job.removed(),
            "finished scheduled compaction"
        );
        Ok(())
    }
}
