//! Flags of one member: where its data is, where it listens, what it takes.

use crate::config::flag::{Effect::*, Flag, Kind::*, flag};

pub(super) const MEMBER: &[Flag] = &[
    flag("name", Text, "default", "Name of this member."),
    flag("data-dir", Text, "", "Folder of the data; ${name}.etcd when not given."),
    flag("wal-dir", Text, "", "Folder of the write-ahead log, when it is not to be in the data dir."),
    flag(
        "backend",
        Text,
        "lmdb",
        "Storage engine: lmdb, memory, sled or rocksdb, as far as it was compiled in. Not a flag of etcd.",
    ),
    flag("snapshot-count", Uint, "10000", "Committed entries after which a snapshot of the state is taken."),
    flag("heartbeat-interval", Uint, "100", "Time between heartbeats, in milliseconds."),
    flag("election-timeout", Uint, "1000", "Time without a heartbeat before an election, in milliseconds."),
    flag(
        "initial-election-tick-advance",
        Bool,
        "true",
        "Shorten the wait for the first election after a start.",
    ),
    flag("listen-peer-urls", Urls, "http://localhost:2380", "Where to listen for other members."),
    flag(
        "listen-client-urls",
        Urls,
        "http://localhost:2379",
        "Where to listen for clients: gRPC, and HTTP unless --listen-client-http-urls is given.",
    ),
    flag("listen-client-http-urls", Urls, "", "Where to listen for HTTP alone."),
    flag("max-snapshots", Uint, "5", "Snapshot files to keep; 0 keeps all.")
        .but(Deprecated("--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8")),
    flag("max-wals", Uint, "5", "Log files to keep; 0 keeps all."),
    flag("memory-mlock", Bool, "false", "Keep the process in memory, out of swap."),
    flag(
        "quota-backend-bytes",
        Int,
        "0",
        "Room for the data, in bytes, beyond which only reads and deletions are taken; 0 means 2 GiB, less \
         than 0 no limit.",
    ),
    flag("backend-bbolt-freelist-type", Text, "", "Free list of bbolt: map or array.")
        .but(Never("no engine here has bbolt's free list")),
    flag(
        "backend-batch-interval",
        Duration,
        "0s",
        "Longest time before a batch is committed; 0s means 100ms.",
    ),
    flag(
        "backend-batch-limit",
        Int,
        "0",
        "Most operations in a batch before it is committed; 0 means 10000.",
    ),
    flag("max-txn-ops", Uint, "128", "Most operations in one branch of a transaction."),
    flag("max-request-bytes", Uint, "1572864", "Largest request of a client, in bytes."),
    flag("max-concurrent-streams", Uint32, "4294967295", "Most streams at once on a connection of a client."),
    flag("grpc-keepalive-min-time", Duration, "5s", "Clients that ping more often than this are cut off.")
        .but(Never("the HTTP/2 library answers pings without telling, so that nobody can count them")),
    flag(
        "grpc-keepalive-interval",
        Duration,
        "2h0m0s",
        "Silence after which a client is asked whether it is still there; 0s for never.",
    ),
    flag("grpc-keepalive-timeout", Duration, "20s", "How long the answer may take."),
    flag("socket-reuse-port", Bool, "false", "Let several processes listen on one port (SO_REUSEPORT).")
        .at("socket-options.reuse-port"),
    flag(
        "socket-reuse-address",
        Bool,
        "false",
        "Listen on an address whose old connections are not quite gone (SO_REUSEADDR).",
    )
    .at("socket-options.reuse-address"),
    flag("enable-grpc-gateway", Bool, "true", "Answer JSON over HTTP beside gRPC."),
    flag("raft-read-timeout", Duration, "5s", "Longest wait for bytes of a peer; at least 5s.").no_key(),
    flag("enable-v2", Bool, "true", "Answer the v2 API, which weighs nothing until somebody writes to it."),
    flag("raft-write-timeout", Duration, "5s", "Longest wait for a peer to take bytes; at least 5s.")
        .no_key(),
    flag("feature-gates", Gates, "", "Features to turn on or off, as Name=true,Other=false."),
];
