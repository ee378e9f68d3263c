//! Puts a booted member together: what its parts share, and its loops.

use crate::{
    access::Logins,
    adapters::{EngineOptions, MemberHost, StoreHistory},
    cluster::{Leadership, PeerClient, corruption::CorruptionCheck},
    config::Config,
    identity::RequestIds,
    metrics::Metrics,
    net::Dialer,
    node::{
        ApplyLoop, AutoCompact, AutoDisarm, BootOptions, Booted, Clock, CommitLimits, CommitLoop,
        CompactLoop, Exchange, Fate, Inbox, LeaseLoop, Proposals, RaftLoop, ReadRound, Shared, Watching,
        WayBack, sample, watch_leader,
    },
    service::{Limits, Read},
};
use arc_swap::ArcSwap;
use oxetcd_lease::LeaseConfig;
use oxetcd_machine::Machine;
use oxetcd_peer::{PeerConfig, Peers};
use oxetcd_storage::Size;
use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

/// A member whose loops run, and which serves nobody yet.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) threads: Vec<JoinHandle<()>>,
    pub(crate) watching: Watching,
    pub(crate) way_back: WayBack,
}

/// What a member is booted from, as far as its configuration says.
pub(crate) fn boot_options(config: &Config, metrics: &Arc<Metrics>) -> BootOptions {
    BootOptions {
        data_dir: config.member.data_dir.clone(),
        wal_dir: config.member.wal_dir.clone(),
        name: config.member.name.clone(),
        cluster: config.cluster.clone(),
        joining: None,
        force_new_cluster: config.member.force_new_cluster,
        backend: config.member.backend.clone(),
        engine: EngineOptions { max_bytes: None },
        leases: lease_config(config),
        election_ticks: config.raft.election_ticks(),
        pre_vote: config.raft.pre_vote,
        fsync: !config.storage.unsafe_no_fsync,
        defrag_threshold_mb: config.storage.bootstrap_defrag_threshold_mb,
        metrics: metrics.clone(),
    }
}

fn lease_config(config: &Config) -> LeaseConfig {
    let min_ttl_s = (config.raft.election_ms * 3 / 2).div_ceil(1000) as i64;
    LeaseConfig { min_ttl_s, ..LeaseConfig::default() }
}

/// The transport to the other members, of whom it knows nobody yet.
fn peers(
    config: &Config,
    ids: &(u64, u64),
    shared: &Weak<Shared>,
    metrics: &Arc<Metrics>,
    dialer: Dialer,
) -> Peers {
    let urls = config.cluster.advertise_peer.iter().map(ToString::to_string).collect();
    let host = MemberHost {
        shared: shared.clone(),
        id: ids.0,
        snap_dir: config.member.data_dir.join("member").join("snap"),
        metrics: metrics.clone(),
    };
    let mut options = PeerConfig::new(ids.0, ids.1, urls, crate::VERSION);
    options.dial_timeout = Duration::from_secs(1) + config.raft.election_timeout();
    options.read_timeout = config.raft.read_timeout;
    options.write_timeout = config.raft.write_timeout;
    options.connector = Arc::new(dialer);
    Peers::new(options, Arc::new(host), tokio::runtime::Handle::current())
}

/// What all parts of a member see.
fn share(
    config: &Config,
    ids: (u64, u64),
    machine: Machine,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    dialer: Dialer,
) -> Result<Arc<Shared>, String> {
    let applied = machine.applied().map_err(text)?.index;
    let compacted = machine.store().compacted();
    let logins = Logins::new(config)?;
    let shared = Arc::new_cyclic(|weak| Shared {
        peers: peers(config, &ids, weak, &metrics, dialer.clone()),
        member_id: ids.0,
        cluster_id: ids.1,
        clock: Clock::start(),
        ids: RequestIds::new(ids.0),
        limits: limits(config),
        inbox,
        waiters: Default::default(),
        applied_waits: Default::default(),
        position: Default::default(),
        leadership: Leadership::new(config.raft.election_timeout()),
        inactive_after_ms: 3 * config.raft.heartbeat_ms,
        peer_client: PeerClient::new(dialer.clone()),
        fate: Fate::default(),
        logins,
        admission: Default::default(),
        snapshot_wanted: Default::default(),
        metrics,
        size: Mutex::new(Size::default()),
        compacted: tokio::sync::watch::Sender::new(compacted),
        machine: ArcSwap::from_pointee(machine),
    });
    shared.measure();
    shared.note_role();
    introduce(&shared, config);
    shared.position.applied.store(applied, Ordering::Release);
    shared.applied_waits.reached(applied);
    shared.meet_members();
    Ok(shared)
}

/// Starts the loops of a booted member.
pub(crate) fn run(
    config: &Config,
    booted: Booted,
    metrics: Arc<Metrics>,
    dialer: Dialer,
) -> Result<Running, String> {
    let (inbox, inputs) = Inbox::new();
    let volatile = booted.machine.buffer().engine().name() == "memory";
    let shared =
        share(config, (booted.member_id, booted.cluster_id), booted.machine, inbox, metrics, dialer)?;
    let applied = shared.progress().applied;
    // Of a cluster that this member only joins, the log does not tell yet.
    for member in &booted.remotes {
        shared.peers.add(member.id, &member.peer_urls);
    }
    let watching = Watching::start(Arc::new(StoreHistory(shared.clone()))).map_err(text)?;
    let commit_limits = commit_limits(config, volatile);
    let snapshots = Arc::new(booted.snapshots);
    let (commits, commit) =
        CommitLoop::start(shared.clone(), commit_limits, snapshots.clone(), booted.snapshot_index)
            .map_err(text)?;
    let pause = config.storage.compaction_sleep_interval;
    let (compactions, compact) =
        CompactLoop::start(&shared, config.storage.compaction_batch_limit, pause).map_err(text)?;
    if let Some(compaction) = booted.compaction {
        compactions.run(&shared.machine.load(), compaction);
    }
    let (entries, committed) = crossbeam_channel::unbounded();
    let hub = watching.hub().clone();
    sample(&shared, &hub);
    let exchange = Exchange {
        home: booted.home,
        dir: booted.engine_dir,
        leases: lease_config(config),
        snapshots: snapshots.clone(),
    };
    let apply =
        ApplyLoop { shared: shared.clone(), committed, commits, compactions, exchange, hub, told: applied };
    let raft = RaftLoop {
        node: booted.node,
        wal: booted.wal,
        snapshots,
        transport: Box::new(shared.peers.clone()),
        inbox: inputs,
        apply: entries,
        shared: shared.clone(),
        reads: ReadRound::new(shared.ids.next()),
        proposals: Proposals::default(),
        tick: Duration::from_millis(config.raft.heartbeat_ms),
        advance_ticks: advance_ticks(config),
        max_wals: config.raft.max_wals as usize,
        catchup_entries: config.raft.snapshot_catchup_entries,
        snapshot_index: booted.snapshot_index,
        max_learners: config.cluster.max_learners,
    };
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new().name(name.into()).spawn(body).map_err(text)
    };
    let apply = spawn("apply", Box::new(move || apply.run()))?;
    let raft = spawn("raft", Box::new(move || raft.run()))?;
    spawn_tasks(config, &shared);
    let threads = vec![raft, apply, commit, compact];
    Ok(Running { shared, threads, watching, way_back: booted.way_back })
}

/// When the engine gets what was applied, and the log a snapshot record.
fn commit_limits(config: &Config, volatile: bool) -> CommitLimits {
    CommitLimits {
        interval: config.storage.batch_interval,
        ops: config.storage.batch_limit,
        // Memory keeps nothing: its log is all there is, and stays whole.
        snapshot_count: if volatile { u64::MAX } else { config.raft.snapshot_count },
        max_snapshots: config.raft.max_snapshots as usize,
    }
}

/// Ticks by which the first election comes earlier.
fn advance_ticks(config: &Config) -> usize {
    match config.raft.initial_election_tick_advance {
        // One tick is left, and those that have passed when it is used.
        true => config.raft.election_ticks().saturating_sub(4),
        false => 0,
    }
}

/// What runs beside the loops and does not block.
fn spawn_tasks(config: &Config, shared: &Arc<Shared>) {
    let leases = LeaseLoop { shared: shared.clone(), extend_ms: config.raft.election_ms };
    tokio::spawn(leases.run());
    tokio::spawn(watch_leader(shared.clone()));
    tokio::spawn(tidy_logins(shared.clone()));
    let check_compacted = config.features.enabled("CompactHashCheck");
    let check = CorruptionCheck {
        member: shared.clone(),
        interval: config.storage.corrupt_check_time,
        compacted_interval: check_compacted.then_some(config.storage.compact_hash_check_time),
    };
    tokio::spawn(check.run(shared.fate.token().cancelled_owned()));
    if let Some(compact) = AutoCompact::new(shared.clone(), config.storage.auto_compaction) {
        tokio::spawn(compact.run());
    }
    if let Some(quota_bytes) = config.storage.quota_bytes.filter(|_| config.storage.auto_disarm_nospace) {
        let disarm = AutoDisarm { member: shared.clone(), quota_bytes };
        tokio::spawn(disarm.run(shared.fate.token().cancelled_owned()));
    }
}

/// Looks after tokens and their keys until the member ends.
async fn tidy_logins(shared: Arc<Shared>) {
    let mut timer = tokio::time::interval(Duration::from_secs(1));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let over = shared.fate.token().cancelled_owned();
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            _ = timer.tick() => {}
        }
        let member = shared.clone();
        let _ = tokio::task::spawn_blocking(move || {
            member.logins.tidy(member.clock.now_ms(), &member.metrics.queues);
        })
        .await;
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_request_bytes: config.limits.max_request_bytes,
        max_txn_ops: config.limits.max_txn_ops,
        request_timeout: config.raft.request_timeout(),
        strict_reconfig_check: config.cluster.strict_reconfig_check,
        quota_bytes: config.storage.quota_bytes,
        watch_progress_interval_ms: config.limits.watch_progress_interval.as_millis() as u64,
        warn_apply: config.limits.warning_apply,
        warn_request: config.limits.warning_unary_request,
    }
}

/// Metrics that never change.
fn introduce(shared: &Shared, config: &Config) {
    let server = &shared.metrics.server;
    server.identify(shared.member_id, crate::VERSION);
    shared.metrics.queues.identify_engine(shared.machine.load().buffer().engine().name());
    server.quota_bytes.set(config.storage.quota_bytes.map_or(-1, |bytes| bytes as i64));
    for (gate, on) in config.features.list() {
        server.set_feature(gate.name, gate.stage.name(), on);
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
