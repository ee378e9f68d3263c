//! The commit loop: moves the open write batch into the engine, in the background.
//!
//! It works every batch interval, or as soon as the batch is large. Now and then, behind such a commit, it
//! writes a snapshot file and tells the raft loop that the log before it may go: the engine itself is the
//! snapshot's content.

use super::{Input, Shared, send_snapshot};
use crate::adapters::OpenView;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use oxetcd_consensus::{SnapStore, driver::snapshot_record};
use oxetcd_storage::{Batch, Durability};
use std::{
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How much is put together into one commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitLimits {
    /// Longest time between a change and its commit.
    pub(crate) interval: Duration,
    /// Most changes of one commit.
    pub(crate) ops: usize,
    /// Entries between two snapshots.
    pub(crate) snapshot_count: u64,
    /// Snapshot files that are kept (`--max-snapshots`); 0 keeps all.
    pub(crate) max_snapshots: usize,
}

/// A handle on the commit loop.
pub(crate) struct CommitLoop {
    wake: Sender<()>,
    limit_ops: usize,
}

struct Worker {
    shared: Arc<Shared>,
    limits: CommitLimits,
    snapshots: Arc<SnapStore>,
    /// Index of the newest snapshot.
    snapshot_index: u64,
}

impl CommitLoop {
    /// Starts the loop.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        shared: Arc<Shared>,
        limits: CommitLimits,
        snapshots: Arc<SnapStore>,
        snapshot_index: u64,
    ) -> std::io::Result<(CommitLoop, JoinHandle<()>)> {
        let (wake, wakes) = bounded(1);
        let mut worker = Worker { shared, limits, snapshots, snapshot_index };
        let thread = std::thread::Builder::new().name("commit".into());
        let thread = thread.spawn(move || worker.run(&wakes))?;
        Ok((CommitLoop { wake, limit_ops: limits.ops }, thread))
    }

    /// Wakes the loop if `pending_ops` make a full batch.
    pub(crate) fn look(&self, pending_ops: usize) {
        if pending_ops >= self.limit_ops {
            // It is awake already if this is full.
            let _ = self.wake.try_send(());
        }
    }
}

impl Worker {
    fn run(&mut self, wakes: &Receiver<()>) {
        loop {
            let over = match wakes.recv_timeout(self.limits.interval) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => false,
                // The apply loop has ended: this is the last commit.
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if let Err(error) = self.commit() {
                self.shared.fate.fail(error);
                return;
            }
            if over {
                return;
            }
        }
    }

    fn commit(&mut self) -> Result<(), String> {
        let began = Instant::now();
        let machine = self.shared.machine.load();
        let buffer = machine.buffer();
        // The log still has what a power cut would take from the engine: no need to wait for the device.
        if buffer.commit(Durability::Buffered).map_err(text)? {
            self.shared.metrics.backend_committed(began.elapsed());
            *self.shared.size.lock() = buffer.size().map_err(text)?;
        }
        if self.shared.snapshot_wanted.swap(false, Ordering::Relaxed) {
            send_snapshot::offer_snapshot(&self.shared)?;
        }
        let applied = self.shared.position.applied.load(Ordering::Acquire);
        if applied >= self.snapshot_index.saturating_add(self.limits.snapshot_count) {
            self.snapshot()?;
        }
        Ok(())
    }

    /// Writes a snapshot file of what the engine holds now, and lets the log before it go.
    fn snapshot(&mut self) -> Result<(), String> {
        let machine = self.shared.machine.load();
        let export = OpenView::of(machine.buffer(), &self.shared.metrics).map_err(text)?;
        // The log before it may only go once the device has it.
        machine.buffer().engine().commit(&Batch::new(), Durability::Synced).map_err(text)?;
        let snapshot = export.snapshot()?;
        let record = snapshot_record(&snapshot);
        let index = record.index();
        let began = Instant::now();
        self.snapshots.save(&snapshot).map_err(text)?;
        self.shared.metrics.disk.snap_save.observe(began.elapsed().as_secs_f64());
        if self.limits.max_snapshots > 0 {
            self.snapshots.purge(self.limits.max_snapshots).map_err(text)?;
        }
        tracing::info!(index, "saved snapshot");
        self.snapshots.release_databases(index).map_err(text)?;
        self.snapshot_index = index;
        self.shared.inbox.send(Input::SnapshotSaved(record));
        Ok(())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
