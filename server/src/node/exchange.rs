//! Exchanging the whole state of a running member for the one that its leader sent.
//!
//! The new machine is made beside the old one, which is read from meanwhile, and takes its place in one moment.
//! Whoever reads then from the old one, reads on; its files go when the last of them is through.

use super::{Shared, install, taken_tree, told_attributes::ToldAttributes};
use crate::adapters::{self, EngineHome};
use oxetcd_consensus::{SnapStore, raftpb::SnapshotMetadata};
use oxetcd_lease::LeaseConfig;
use oxetcd_machine::Machine;
use oxetcd_mvcc::Compaction;
use oxetcd_storage::Buffer;
use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

/// How often it is looked whether the old state is still read from.
const LOOK: Duration = Duration::from_millis(100);

/// What is needed to make another machine.
pub(crate) struct Exchange {
    pub(crate) home: EngineHome,
    /// Where the files of the present machine are.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) leases: LeaseConfig,
    pub(crate) snapshots: Arc<SnapStore>,
}

impl Exchange {
    /// Puts the state of the received snapshot in the place of the present one. Answers with a compaction that
    /// its member had begun.
    ///
    /// # Errors
    /// When the snapshot's database is missing or damaged, or the engine fails: the member cannot go on.
    pub(crate) fn restore(
        &mut self,
        shared: &Shared,
        metadata: &SnapshotMetadata,
    ) -> Result<Option<Compaction>, String> {
        let installed = install::install_snapshot(&self.home, metadata)?;
        let buffer = Arc::new(Buffer::new(installed.engine));
        ToldAttributes::in_snapshot(&self.snapshots, metadata).complete(&buffer)?;
        taken_tree::in_snapshot(&self.snapshots, metadata, &buffer)?;
        let (machine, compaction) = Machine::open(buffer, self.leases).map_err(text)?;
        let machine = Arc::new(machine);
        let old = shared.machine.swap(machine.clone());
        machine.v2().lock().adopt_watchers(&mut old.v2().lock());
        shared.note_role();
        let old_dir = std::mem::replace(&mut self.dir, installed.dir);
        retire(&old, old_dir);
        if !self.home.is_volatile() {
            // The engine has it; memory would need it at the next start.
            let received = install::snapshot_path(self.home.snap_dir(), metadata.index());
            if let Err(error) = std::fs::remove_file(&received) {
                tracing::warn!(path = %received.display(), %error, "cannot remove an installed database");
            }
        }
        Ok(compaction)
    }
}

/// Removes the files of a machine once nobody reads from it any more. If the process ends before, the next start
/// does it.
fn retire(machine: &Arc<Machine>, dir: Option<PathBuf>) {
    let Some(dir) = dir else { return };
    let readers: Weak<Buffer> = Arc::downgrade(machine.buffer());
    let wait = move || {
        while readers.strong_count() > 0 {
            std::thread::sleep(LOOK);
        }
        if let Err(error) = adapters::remove(&dir) {
            tracing::warn!(path = %dir.display(), %error, "cannot remove the data that was exchanged");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("retire".into()).spawn(wait) {
        tracing::warn!(%error, "the data that was exchanged is removed at the next start");
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
