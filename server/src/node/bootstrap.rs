//! From a data dir, or from nothing, to a member that can run.
//!
//! A member is its write-ahead log and its engine. A new one writes who it is and who the first members are
//! into a new log. One that comes back takes its state from the engine and the entries behind that from the log.

use crate::{
    adapters::{DiskTimes, EngineHome, EngineOptions, MeteredDisk},
    cluster::join::Joining,
    config::{ClusterConfig, ClusterState, Url},
    identity,
    logging::system_text,
    metrics::Metrics,
    node::{WayBack, force_new_cluster, install, taken_tree, told_attributes::ToldAttributes},
};
use oxetcd_api::etcdserverpb::Metadata;
use oxetcd_consensus::{
    Disk, Node, NodeConfig, OsDisk, RestoredLog, SnapStore, Wal, WalOptions, node::bootstrap,
};
use oxetcd_lease::LeaseConfig;
use oxetcd_machine::{Machine, Member, meta};
use oxetcd_mvcc::Compaction;
use oxetcd_storage::Buffer;
use prost::Message;
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a member is made of.
#[derive(Clone, Debug)]
pub(crate) struct BootOptions {
    /// Where its files are.
    pub(crate) data_dir: PathBuf,
    /// Where its log is, when not in the data dir.
    pub(crate) wal_dir: Option<PathBuf>,
    /// Its name.
    pub(crate) name: String,
    /// Who the first members are; asked only when there is no data yet.
    pub(crate) cluster: ClusterConfig,
    /// The cluster that it joins, when it has no data yet and is no founder.
    pub(crate) joining: Option<Joining>,
    /// Whether to make a cluster of it alone.
    pub(crate) force_new_cluster: bool,
    /// Name of the storage engine.
    pub(crate) backend: String,
    /// What the engine is told.
    pub(crate) engine: EngineOptions,
    /// Settings of the lease book.
    pub(crate) leases: LeaseConfig,
    /// Ticks of an election timeout.
    pub(crate) election_ticks: usize,
    /// Whether members ask before they campaign.
    pub(crate) pre_vote: bool,
    /// Whether the log is synced to disk; off only for tests.
    pub(crate) fsync: bool,
    /// Megabytes that a defragmentation must free to be worth it before the member serves; 0 for never.
    pub(crate) defrag_threshold_mb: u64,
    /// Where the disk's times go.
    pub(crate) metrics: Arc<Metrics>,
}

/// A member ready to run.
pub(crate) struct Booted {
    pub(crate) member_id: u64,
    pub(crate) cluster_id: u64,
    /// Members that it has to know before its log names them.
    pub(crate) remotes: Vec<Member>,
    pub(crate) node: Node,
    pub(crate) wal: Wal,
    pub(crate) machine: Machine,
    /// Where the machine's engine lives, and the directory that it has there now.
    pub(crate) home: EngineHome,
    pub(crate) engine_dir: Option<PathBuf>,
    pub(crate) way_back: WayBack,
    /// A compaction that was interrupted.
    pub(crate) compaction: Option<Compaction>,
    pub(crate) snapshots: SnapStore,
    /// Index of the newest snapshot in the log.
    pub(crate) snapshot_index: u64,
}

/// Newest layout of the data that this program understands.
const LAYOUT: (u64, u64) = (3, 7);

/// The disk as the log sees it, and as snapshot files do: their times are told apart.
fn disks(metrics: &Metrics) -> (Arc<dyn Disk>, Arc<dyn Disk>) {
    let disk = &metrics.disk;
    let log = DiskTimes { write: Some(disk.wal_write.clone()), sync: disk.wal_fsync.clone() };
    let snapshots = DiskTimes { write: None, sync: disk.snap_fsync.clone() };
    let metered = |times| Arc::new(MeteredDisk::new(Arc::new(OsDisk), times));
    (metered(log), metered(snapshots))
}

/// Opens or makes the member in `options.data_dir`.
///
/// # Errors
/// With a sentence that names the file and what is wrong with it.
pub(crate) fn boot(options: &BootOptions) -> Result<Booted, String> {
    let member_dir = options.data_dir.join("member");
    let snap_dir = member_dir.join("snap");
    let wal_dir = options.wal_dir.clone().unwrap_or_else(|| member_dir.join("wal"));
    for dir in [&options.data_dir, &member_dir, &snap_dir] {
        make_dir(dir)?;
    }
    let (disk, snap_disk) = disks(&options.metrics);
    let wal_options = WalOptions { fsync: options.fsync, ..WalOptions::default() };
    let known = Wal::exists(&*disk, &wal_dir);
    let home = EngineHome::new(&options.backend, &snap_dir, options.engine)?;
    remove_interrupted(&snap_dir)?;
    let state = install::open(&home)?;
    check_layout(&state.buffer, known, &wal_dir)?;
    defragment_if_worth_it(&state.buffer, options.defrag_threshold_mb)?;
    let mut log = if known {
        reopen(&disk, &wal_dir, wal_options, options)?
    } else {
        create(&disk, &wal_dir, wal_options, options)?
    };
    let state = install::catch_up(&home, state, &log.restored)?;
    let applied = state.applied()?.index;
    check_together(&log.restored, applied, &wal_dir)?;
    log.restored.conf_state = install::conf_state(&state.buffer, &log.restored)?;
    let snapshots = SnapStore::new(snap_disk, &snap_dir);
    ToldAttributes::until(&snapshots, &log.restored, applied).complete(&state.buffer)?;
    if state.taken {
        taken_tree::until(&snapshots, &log.restored, applied, &state.buffer)?;
    }
    if known && options.force_new_cluster {
        force_new_cluster::rewrite(&mut log.wal, &mut log.restored, log.member_id, applied)?;
    }
    let config = NodeConfig {
        election_ticks: options.election_ticks,
        pre_vote: options.pre_vote,
        applied,
        ..NodeConfig::new(log.member_id)
    };
    let snapshot_index = log.restored.snapshot_index;
    let node = Node::new(&config, log.restored).map_err(text)?;
    let (machine, compaction) = Machine::open(state.buffer, options.leases).map_err(text)?;
    let members = machine.members().list();
    // One that joins learns of its own coming only at the end of what came before.
    let founder = options.cluster.state == ClusterState::New && !machine.members().is_removed(log.member_id);
    if founder && !members.is_empty() && machine.members().get(log.member_id).is_none() {
        return Err(format!(
            "the engine holds the data of another cluster: member {:x} of the write-ahead log in {} is not in it",
            log.member_id,
            wal_dir.display()
        ));
    }
    // What memory was filled from is needed again.
    let needed = if home.is_volatile() { snapshot_index } else { applied + 1 };
    snapshots.release_databases(needed).map_err(text)?;
    Ok(Booted {
        member_id: log.member_id,
        cluster_id: log.cluster_id,
        remotes: options.joining.as_ref().map(|joining| joining.members.clone()).unwrap_or_default(),
        node,
        wal: log.wal,
        machine,
        home,
        engine_dir: state.dir,
        way_back: WayBack { disk, snap_dir, wal_dir, wal_options },
        compaction,
        snapshots,
        snapshot_index,
    })
}

struct Log {
    member_id: u64,
    cluster_id: u64,
    wal: Wal,
    restored: RestoredLog,
}

/// The first members, in order of their ids, and which of them is this one.
fn founders(options: &BootOptions) -> Result<(Vec<Member>, u64), String> {
    let initial = options.cluster.verify_bootstrap(&options.name)?;
    let member = |(name, urls): (String, Vec<Url>)| {
        let peer_urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
        let id = identity::member_id(&peer_urls, &options.cluster.token);
        Member { id, name, peer_urls, ..Member::default() }
    };
    let mut members: Vec<Member> = initial.into_iter().map(member).collect();
    members.sort_by_key(|member| member.id);
    let me = members.iter().find(|member| member.name == options.name);
    let me = me.ok_or_else(|| format!("{:?} is not in --initial-cluster", options.name))?.id;
    Ok((members, me))
}

/// A new log: who this is, and the first members as its first entries.
fn create(disk: &Arc<dyn Disk>, dir: &Path, wal: WalOptions, options: &BootOptions) -> Result<Log, String> {
    let (members, member_id, cluster_id) = match &options.joining {
        // Who they are comes with the log.
        Some(joining) => (Vec::new(), joining.member_id, joining.cluster_id),
        None => {
            let (members, me) = founders(options)?;
            let cluster_id = cluster_id(&members);
            (members, me, cluster_id)
        }
    };
    let metadata = Metadata { node_id: Some(member_id), cluster_id: Some(cluster_id) };
    let mut wal = Wal::create(disk.clone(), dir, &metadata.encode_to_vec(), wal)
        .map_err(|error| format!("cannot create the write-ahead log in {}: {error}", dir.display()))?;
    let restored =
        if members.is_empty() { RestoredLog::default() } else { first_entries(&mut wal, &members)? };
    Ok(Log { member_id, cluster_id, wal, restored })
}

fn cluster_id(members: &[Member]) -> u64 {
    let ids: Vec<u64> = members.iter().map(|member| member.id).collect();
    identity::cluster_id(&ids)
}

fn first_entries(wal: &mut Wal, members: &[Member]) -> Result<RestoredLog, String> {
    let context = |member: &Member| serde_json::to_vec(member).unwrap_or_default().into();
    let peers: Vec<_> = members.iter().map(|member| (member.id, context(member))).collect();
    let first = bootstrap(&peers);
    wal.append(&first.entries, Some(&first.hard_state), true).map_err(text)?;
    Ok(first)
}

fn reopen(disk: &Arc<dyn Disk>, dir: &Path, wal: WalOptions, options: &BootOptions) -> Result<Log, String> {
    let (mut wal, replay) = Wal::open_newest(disk.clone(), dir, wal)
        .map_err(|error| format!("cannot open the write-ahead log in {}: {error}", dir.display()))?;
    if replay.repaired {
        tracing::warn!(dir = %dir.display(), "repaired a torn tail of the write-ahead log");
    }
    let metadata = Metadata::decode(replay.metadata.clone())
        .map_err(|error| format!("the write-ahead log in {} has no owner: {error}", dir.display()))?;
    // The process may have been killed between making the log and writing its first entries. The log of a member
    // that joins is empty until the leader has reached it.
    let founder = options.cluster.state == ClusterState::New;
    let empty = replay.entries.is_empty() && replay.start.index() == 0;
    let mut restored = RestoredLog::from(replay);
    if empty && founder {
        let members = founders(options)?.0;
        if cluster_id(&members) == metadata.cluster_id() {
            restored = first_entries(&mut wal, &members)?;
        }
    }
    Ok(Log { member_id: metadata.node_id(), cluster_id: metadata.cluster_id(), wal, restored })
}

/// Removes databases whose receiving was interrupted: the leader sends another one.
fn remove_interrupted(snap_dir: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot clean up {}: {error}", snap_dir.display());
    for entry in fs::read_dir(snap_dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_rubbish = entry.file_name().to_str().is_some_and(|name| name.starts_with("tmp"));
        if is_rubbish && entry.file_type().map_err(failed)?.is_file() {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Gives unused room back while nobody waits for anything, when it is `threshold_mb` at least.
fn defragment_if_worth_it(buffer: &Buffer, threshold_mb: u64) -> Result<(), String> {
    if threshold_mb == 0 {
        return Ok(());
    }
    let size = buffer.engine().size().map_err(text)?;
    let (total, in_use) = (size.total_bytes, size.in_use_bytes);
    let free = total.saturating_sub(in_use);
    let threshold = threshold_mb.saturating_mul(1 << 20);
    if free < threshold {
        tracing::info!(total, in_use, free, threshold, "Skipping defragmentation");
        return Ok(());
    }
    tracing::info!(total, in_use, free, threshold, "defragmenting before the start");
    buffer.defragment().map_err(text)
}

/// Refuses data that this program would misread.
fn check_layout(buffer: &Buffer, known: bool, wal_dir: &Path) -> Result<(), String> {
    let applied = meta::applied(buffer).map_err(text)?.index;
    if !known && applied > 0 {
        return Err(format!(
            "the engine holds data, but there is no write-ahead log in {}: refusing to start a new one",
            wal_dir.display()
        ));
    }
    let Some(version) = meta::storage_version(buffer).map_err(text)? else { return Ok(()) };
    match meta::version_parts(&version) {
        Some(parts) if parts <= LAYOUT => Ok(()),
        _ => Err(format!("the data dir has layout version {version:?}, this program knows up to 3.7")),
    }
}

/// An engine and a log that were put together from different members would lose writes silently.
fn check_together(log: &RestoredLog, applied: u64, wal_dir: &Path) -> Result<(), String> {
    let last = log.entries.last().map_or(log.snapshot_index, |entry| entry.index());
    if applied > last {
        return Err(format!(
            "the engine has applied entry {applied}, but the write-ahead log in {} ends at {last}: \
             they do not belong together",
            wal_dir.display()
        ));
    }
    Ok(())
}

fn make_dir(dir: &Path) -> Result<(), String> {
    let named = |error: io::Error| {
        format!("cannot access data directory: mkdir {}: {}", dir.display(), system_text(&error))
    };
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(dir);
            made.map_err(named)
        }
        made => made.map_err(named),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
