//! Flags of the cluster: who its members are and how they find each other.

use crate::config::flag::{Effect::*, Flag, Kind::*, flag};

pub(super) const CLUSTERING: &[Flag] = &[
    flag(
        "initial-advertise-peer-urls",
        Urls,
        "http://localhost:2380",
        "URLs under which other members reach this one.",
    ),
    flag(
        "initial-cluster",
        Text,
        "default=http://localhost:2380",
        "Names and peer URLs of the first members, as a=http://x:2380,b=http://y:2380; by default this member.",
    ),
    flag(
        "initial-cluster-state",
        Choice(&["new", "existing"]),
        "new",
        "Whether the cluster is new or this member joins an existing one; of no account once there is data.",
    ),
    flag(
        "initial-cluster-token",
        Text,
        "etcd-cluster",
        "A word that keeps apart clusters which might else take each other for one.",
    ),
    flag(
        "advertise-client-urls",
        Urls,
        "http://localhost:2379",
        "URLs under which clients reach this member; needed with --listen-client-urls.",
    ),
    flag("discovery-token", Text, "", "Name of the new cluster at a discovery service.")
        .at("discovery-config.token"),
    flag("discovery-endpoints", Set, "", "Addresses of a discovery service.")
        .at("discovery-config.client.endpoints")
        .listed(),
    flag("discovery-dial-timeout", Duration, "2s", "Longest wait for a connection to it.")
        .at("discovery-config.client.dial-timeout"),
    flag("discovery-request-timeout", Duration, "5s", "Longest wait for its answer.")
        .at("discovery-config.client.request-timeout"),
    flag("discovery-keepalive-time", Duration, "2s", "Silence after which it is pinged.")
        .at("discovery-config.client.keepalive-time"),
    flag("discovery-keepalive-timeout", Duration, "6s", "Longest wait for the answer to a ping.")
        .at("discovery-config.client.keepalive-timeout"),
    flag("discovery-insecure-transport", Bool, "true", "Talk to it without TLS.")
        .at("discovery-config.client.secure.insecure-transport"),
    flag("discovery-insecure-skip-tls-verify", Bool, "false", "Take any certificate of it; for tests only.")
        .at("discovery-config.client.secure.insecure-skip-tls-verify"),
    flag("discovery-cert", Text, "", "Certificate to show it.")
        .at("discovery-config.client.secure.cert"),
    flag("discovery-key", Text, "", "Key of that certificate.")
        .at("discovery-config.client.secure.key"),
    flag("discovery-cacert", Text, "", "Authorities that vouch for it.")
        .at("discovery-config.client.secure.cacert"),
    flag("discovery-user", Text, "", "User to log in with, as name or name:password.")
        .at("discovery-config.client.auth.username"),
    flag("discovery-password", Text, "", "Password of that user.")
        .at("discovery-config.client.auth.password"),
    flag(
        "discovery-fallback",
        Choice(&["exit", "proxy"]),
        "exit",
        "What to do when discovery fails; only exit is left.",
    )
    .no_key(),
    flag("discovery-srv", Text, "", "DNS domain whose SRV records name the first members."),
    flag("discovery-srv-name", Text, "", "Ending of the SRV records' name."),
    flag(
        "strict-reconfig-check",
        Bool,
        "true",
        "Refuse changes of membership that would leave the cluster without a quorum.",
    ),
    flag(
        "pre-vote",
        Bool,
        "true",
        "Ask before an election whether it could be won, so that a member that was cut off disturbs nobody.",
    ),
    flag(
        "auto-compaction-retention",
        Text,
        "0",
        "What automatic compaction keeps: a time (5m; a bare number is hours) or a number of revisions; 0 is off.",
    ),
    flag(
        "auto-compaction-mode",
        Text,
        "periodic",
        "How --auto-compaction-retention is meant: periodic or revision.",
    ),
    flag(
        "v2-deprecation",
        Choices(&["write-only", "write-only-skip-check", "write-only-drop-data", "gone"]),
        "",
        "Stage of the v2 store's retirement; etcd 3.7 takes the value and ignores it, and so does this.",
    )
    .but(Deprecated(
        "--v2-deprecation is deprecated and scheduled for removal in v3.8. The default value is enforced, ignoring \
         user input",
    )),
];
