//! Flags that `--help` does not list: two that are about the command line itself, relics that are read and
//! thrown away, and what became of those that are gone.

use crate::config::flag::{Flag, Kind::*, flag};

pub(super) const UNLISTED: &[Flag] = &[
    flag(
        "config-file",
        Text,
        "",
        "A file to read all settings from; flags and environment are then ignored.",
    )
    .no_key(),
    flag("version", Bool, "false", "Print the version.").no_key(),
    relic("cluster-active-size"),
    relic("cluster-remove-delay"),
    relic("cluster-sync-interval"),
    relic("config"),
    relic("force"),
    relic("max-result-buffer"),
    relic("max-retry-attempts"),
    relic("peer-heartbeat-interval"),
    relic("peer-election-timeout"),
    relic("retry-interval"),
    relic("snapshot"),
    relic("v"),
    relic("vv"),
    relic("test.coverprofile"),
    relic("test.outputdir"),
];

const fn relic(name: &'static str) -> Flag {
    flag(name, Ignored, "", "Ignored.").no_key()
}

/// A flag of older versions that is gone.
#[derive(Clone, Copy, Debug)]
pub struct Removed {
    /// Its name.
    pub name: &'static str,
    /// What to use in its place, or why there is nothing.
    pub instead: &'static str,
}

const fn removed(name: &'static str, instead: &'static str) -> Removed {
    Removed { name, instead }
}

const NO_PROXY: &str = "there is no v2 proxy any more";

/// Flags of etcd 3.5 and 3.6 that 3.7 does not have. On the command line they are unknown; in a file, which
/// etcd searches only for what it knows, they are told of and ignored.
pub const REMOVED: &[Removed] = &[
    removed("discovery", "use --discovery-token and --discovery-endpoints"),
    removed("discovery-proxy", "use --discovery-token and --discovery-endpoints"),
    removed("experimental-enable-v2v3", "the v2 API of --enable-v2 has a tree of its own"),
    removed(
        "experimental-bootstrap-defrag-threshold-megabytes",
        "use --bootstrap-defrag-threshold-megabytes",
    ),
    removed("experimental-compact-hash-check-enabled", "use --feature-gates=CompactHashCheck=true"),
    removed("experimental-compact-hash-check-time", "use --compact-hash-check-time"),
    removed("experimental-compaction-batch-limit", "use --compaction-batch-limit"),
    removed("experimental-compaction-sleep-interval", "use --compaction-sleep-interval"),
    removed("experimental-corrupt-check-time", "use --corrupt-check-time"),
    removed("experimental-distributed-tracing-address", "use --distributed-tracing-address"),
    removed("experimental-distributed-tracing-instance-id", "use --distributed-tracing-instance-id"),
    removed("experimental-distributed-tracing-sampling-rate", "use --distributed-tracing-sampling-rate"),
    removed("experimental-distributed-tracing-service-name", "use --distributed-tracing-service-name"),
    removed("experimental-downgrade-check-time", "use --downgrade-check-time"),
    removed("experimental-enable-distributed-tracing", "use --enable-distributed-tracing"),
    removed("experimental-enable-lease-checkpoint", "use --feature-gates=LeaseCheckpoint=true"),
    removed(
        "experimental-enable-lease-checkpoint-persist",
        "use --feature-gates=LeaseCheckpointPersist=true",
    ),
    removed("experimental-initial-corrupt-check", "use --feature-gates=InitialCorruptCheck=true"),
    removed("experimental-memory-mlock", "use --memory-mlock"),
    removed("experimental-peer-skip-client-san-verification", "use --peer-skip-client-san-verification"),
    removed("experimental-snapshot-catchup-entries", "use --snapshot-catchup-entries"),
    removed("experimental-stop-grpc-service-on-defrag", "use --feature-gates=StopGRPCServiceOnDefrag=true"),
    removed(
        "experimental-txn-mode-write-with-shared-buffer",
        "use --feature-gates=TxnModeWriteWithSharedBuffer=true",
    ),
    removed("experimental-warning-apply-duration", "use --warning-apply-duration"),
    removed("experimental-warning-unary-request-duration", "use --warning-unary-request-duration"),
    removed("experimental-watch-progress-notify-interval", "use --watch-progress-notify-interval"),
    removed("proxy", NO_PROXY),
    removed("proxy-dial-timeout", NO_PROXY),
    removed("proxy-failure-wait", NO_PROXY),
    removed("proxy-read-timeout", NO_PROXY),
    removed("proxy-refresh-interval", NO_PROXY),
    removed("proxy-write-timeout", NO_PROXY),
];
