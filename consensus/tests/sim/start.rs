//! How a member comes up: for the first time, and after a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::node::bootstrap;
use oxetcd_consensus::{Disk, Node, NodeConfig, RestoredLog, SnapStore, Wal, WalOptions};

use crate::counts::{Counts, Seen};
use crate::member::{Member, Process};
use crate::plan::{Plan, Sabotage, TICK};
use crate::random::Random;
use crate::reads::Reads;
use crate::store::{Store, highest};

fn wal_dir() -> PathBuf {
    PathBuf::from("/data/wal")
}

fn snap_dir() -> PathBuf {
    PathBuf::from("/data/snap")
}

fn options(plan: &Plan) -> WalOptions {
    WalOptions { segment_bytes: plan.segment_bytes, fsync: plan.sabotage != Sabotage::SkipFsync }
}

impl Member {
    /// A member with an empty disk: a founder, or one that joins and knows nobody yet.
    pub(crate) fn new(id: u64, plan: &Plan) -> Result<Member, String> {
        let founder = id <= plan.founders;
        let members: Vec<_> = (1..=plan.founders).map(|id| (id, Bytes::from_static(b"founder"))).collect();
        let first = if founder { bootstrap(&members) } else { RestoredLog::default() };
        let disk = MemDisk::new();
        write_first(&disk, &first, plan).map_err(|error| error.to_string())?;
        Ok(Member {
            id,
            disk,
            engine: Store {
                highest_id: highest(&first.conf_state),
                members: first.conf_state,
                ..Store::default()
            },
            process: None,
            life: 0,
            tick_time: TICK,
            busy_until: 0,
            disk_may_fail: false,
        })
    }

    /// Starts from what is on disk.
    pub(crate) fn start(
        &mut self,
        plan: &Plan,
        random: &mut Random,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let says = |error: &dyn std::fmt::Display| format!("{} cannot start: {error}", self.id);
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let (wal, replay) =
            Wal::open_newest(disk.clone(), &wal_dir(), options(plan)).map_err(|error| says(&error))?;
        if replay.repaired {
            counts.see(Seen::TornLog);
        }
        let snaps = SnapStore::new(disk, &snap_dir());
        let start = replay.start.clone();
        if self.engine.index < start.index() {
            let found =
                snaps.load_newest(Some(std::slice::from_ref(&start))).map_err(|error| says(&error))?;
            let snapshot = found.ok_or_else(|| says(&format!("no snapshot at {}", start.index())))?;
            self.engine = Store::restore(&snapshot)?;
        }
        let store = self.engine.clone();
        let log = RestoredLog { conf_state: store.members.clone(), ..RestoredLog::from(replay) };
        let config = NodeConfig {
            election_ticks: plan.election_ticks,
            heartbeat_ticks: plan.heartbeat_ticks,
            pre_vote: plan.pre_vote,
            max_message_bytes: plan.max_message_bytes,
            max_inflight: plan.max_inflight,
            max_apply_bytes: plan.max_apply_bytes,
            applied: store.index,
            election_seed: Some(random.next()),
            ..NodeConfig::new(self.id)
        };
        let node = Node::new(&config, log).map_err(|error| says(&error))?;
        let highest_id = store.highest_id;
        self.life += 1;
        let life = if plan.sabotage == Sabotage::ReuseReadIds { 0 } else { self.life };
        self.process = Some(Process {
            node,
            wal,
            snaps,
            store,
            queue: Default::default(),
            unsynced: Default::default(),
            puts: Vec::new(),
            reads: Reads::new(self.id << 48 | life << 32),
            highest_id,
            snapshot_index: start.index(),
            sync_coming: false,
            apply_coming: false,
        });
        Ok(())
    }

    /// The power is cut.
    pub(crate) fn crash(&mut self, random: &mut Random) {
        self.process = None;
        self.disk.crash(random.next());
        self.disk_may_fail = false;
    }
}

/// The log that a member begins with, and the directory of its snapshots, durably.
fn write_first(disk: &MemDisk, log: &RestoredLog, plan: &Plan) -> Result<(), Box<dyn std::error::Error>> {
    disk.create_dir(&snap_dir())?;
    disk.sync_dir(Path::new("/"))?;
    disk.sync_dir(Path::new("/data"))?;
    let options = WalOptions { fsync: true, ..options(plan) };
    let mut wal = Wal::create(Arc::new(disk.clone()), &wal_dir(), b"member", options)?;
    wal.append(&log.entries, Some(&log.hard_state), true)?;
    Ok(wal.close()?)
}
