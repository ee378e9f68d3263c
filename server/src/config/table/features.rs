//! Flags of single features.

use crate::config::flag::{Flag, Kind::*, flag};

pub(super) const FEATURES: &[Flag] = &[
    flag(
        "corrupt-check-time",
        Duration,
        "4h0m0s",
        "Time between comparisons of the members' data; 0s for none (etcd's default).",
    ),
    flag("compact-hash-check-time", Duration, "1m0s", "Time between comparisons of compacted data."),
    flag("compaction-batch-limit", Int, "0", "Most revisions removed in one batch; 0 means 1000."),
    flag("compaction-sleep-interval", Duration, "0s", "Pause between batches; 0s means 10ms."),
    flag(
        "peer-skip-client-san-verification",
        Bool,
        "false",
        "Take a member's certificate without a look at the names in it.",
    )
    .at("peer-transport-security.skip-client-san-verification"),
    flag(
        "watch-progress-notify-interval",
        Duration,
        "0s",
        "Silence after which a watcher that asked for it is told the revision; 0s means 10m.",
    ),
    flag("warning-apply-duration", Duration, "100ms", "Entries that take longer to apply are logged."),
    flag(
        "bootstrap-defrag-threshold-megabytes",
        Uint,
        "0",
        "Defragment at the start when that frees at least so much; 0 for never.",
    ),
    flag(
        "auto-disarm-nospace",
        Bool,
        "false",
        "Take a member's NOSPACE alarm back by itself once deletions and compaction have made room. Not a flag of etcd.",
    ),
    flag("max-learners", Int, "1", "Most learners in the cluster."),
    flag(
        "raise-cluster-version",
        Bool,
        "false",
        "Raise the version that the cluster speaks as soon as all members can, as etcd does; without it, an operator does.",
    ),
    flag("downgrade-check-time", Duration, "5s", "Time between looks at a downgrade; 0s for none."),
    flag(
        "snapshot-catchup-entries",
        Uint,
        "5000",
        "Entries kept behind a snapshot for members that are a little late.",
    ),
];

pub(super) const UNSAFE: &[Flag] = &[
    flag("force-new-cluster", Bool, "false", "Make a cluster of this member alone out of its data."),
    flag("unsafe-no-fsync", Bool, "false", "Do not wait for the disk: a crash then loses data."),
];
