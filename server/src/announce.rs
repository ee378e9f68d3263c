//! What operators look for first in a log: which settings are in force, whoever has set them.
//!
//! Names, order and forms are those of etcd's line, for scripts read them. What only Go has (its version, its processors) is left
//! out.

use crate::{
    config::{AutoCompaction, ClusterState, Config, GoDuration, Url},
    logging::{self, Level, Notice},
};
use std::{path::Path, time::Duration};

/// Logs all settings, as one line.
pub(crate) fn announce(config: &Config) {
    let line = Notice::new(Level::Info, "starting an etcd server").with("etcd-version", crate::VERSION);
    let line = requests(cluster(addresses(member(line, config), config), config), config);
    logging::log_notices(&[line]);
}

fn member(line: Notice, config: &Config) -> Notice {
    let (member, raft) = (&config.member, &config.raft);
    let member_dir = member.data_dir.join("member");
    let log_dir = member.wal_dir.clone().unwrap_or_else(|| member_dir.join("wal"));
    let dedicated = member.wal_dir.as_deref().map(shown).unwrap_or_default();
    line.with("member-initialized", holds_files(&log_dir))
        .with("name", &member.name)
        .with("backend", &member.backend)
        .with("data-dir", shown(&member.data_dir))
        .with("wal-dir", &dedicated)
        .with("wal-dir-dedicated", &dedicated)
        .with("member-dir", shown(&member_dir))
        .with("force-new-cluster", member.force_new_cluster)
        .with("heartbeat-interval", time(Duration::from_millis(raft.heartbeat_ms)))
        .with("election-timeout", time(raft.election_timeout()))
        .with("initial-election-tick-advance", raft.initial_election_tick_advance)
        .with("snapshot-count", raft.snapshot_count)
        .with("max-wals", raft.max_wals)
        .with("max-snapshots", raft.max_snapshots)
        .with("snapshot-catchup-entries", raft.snapshot_catchup_entries)
}

fn addresses(line: Notice, config: &Config) -> Notice {
    let (cluster, listen) = (&config.cluster, &config.listen);
    line.with("initial-advertise-peer-urls", urls(&cluster.advertise_peer))
        .with("listen-peer-urls", urls(&listen.peer))
        .with("advertise-client-urls", urls(&cluster.advertise_client))
        .with("listen-client-urls", urls(&listen.client))
        .with("listen-client-http-urls", urls(&listen.client_http))
        .with("listen-metrics-urls", urls(&listen.metrics))
        .with("cors", &listen.cors)
        .with("host-whitelist", &listen.host_whitelist)
}

fn cluster(line: Notice, config: &Config) -> Notice {
    let cluster = &config.cluster;
    // The members by name, whatever the order in which they were given; what cannot be read is refused a little later.
    let members = cluster.initial_members().unwrap_or_default();
    let member = |(name, urls): &(String, Vec<Url>)| {
        urls.iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>().join(",")
    };
    let state = match cluster.state {
        ClusterState::New => "new",
        ClusterState::Existing => "existing",
    };
    line.with("initial-cluster", members.iter().map(member).collect::<Vec<_>>().join(","))
        .with("initial-cluster-state", state)
        .with("initial-cluster-token", &cluster.token)
        .with("downgrade-check-interval", time(cluster.downgrade_check_time))
        .with("max-learners", cluster.max_learners)
}

fn requests(line: Notice, config: &Config) -> Notice {
    let (storage, limits) = (&config.storage, &config.limits);
    let quota = storage.quota_bytes.map_or(-1, u64::cast_signed);
    let gates = config.features.list().filter(|(gate, on)| *on != gate.default);
    let gates: Vec<String> = gates.map(|(gate, on)| format!("{}={on}", gate.name)).collect();
    let (mode, retention) = match storage.auto_compaction {
        AutoCompaction::Off => ("periodic", GoDuration(0)),
        AutoCompaction::Periodic(keep) => ("periodic", GoDuration::from(keep)),
        // A number of revisions, in etcd's line a time of as many nanoseconds.
        AutoCompaction::Revision(keep) => ("revision", GoDuration(keep)),
    };
    line.with("quota-backend-bytes", quota)
        .with("max-request-bytes", limits.max_request_bytes)
        .with("max-txn-ops", limits.max_txn_ops)
        .with("max-concurrent-streams", config.listen.max_concurrent_streams)
        .with("pre-vote", config.raft.pre_vote)
        .with("feature-gates", gates.join(","))
        .with("initial-corrupt-check", config.features.enabled("InitialCorruptCheck"))
        .with("corrupt-check-time-interval", time(storage.corrupt_check_time.unwrap_or_default()))
        .with("compact-check-time-interval", time(storage.compact_hash_check_time))
        .with("auto-compaction-mode", mode)
        .with("auto-compaction-retention", retention.to_string())
        .with("auto-compaction-interval", retention.to_string())
        .with("enable-v2", config.listen.v2)
        // Whatever the flag says, as with etcd.
        .with("v2-deprecation", "write-only")
}

fn urls(urls: &[Url]) -> Vec<&str> {
    urls.iter().map(Url::as_str).collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn time(time: Duration) -> String {
    GoDuration::from(time).to_string()
}

/// Whether there is a log already. A folder that cannot be read is told of when it is opened.
fn holds_files(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}
