//! Flags of metrics, logs and traces.

use crate::config::flag::{Effect::*, Flag, Kind::*, flag};

pub(super) const MONITORING: &[Flag] = &[
    flag("enable-pprof", Bool, "false", "Offer profiles of the Go run time over HTTP.")
        .but(Never("there is no Go run time to profile")),
    flag("metrics", Text, "basic", "How much is measured: basic, or extensive with gRPC handling times."),
    flag(
        "metrics-prefixes",
        Set,
        "",
        "Prefixes of keys, with commas between them, that are measured each by itself. Not a flag of etcd.",
    )
    .listed(),
    flag("listen-metrics-urls", Urls, "", "Where to listen for /metrics and /health alone."),
];

pub(super) const LOGGING: &[Flag] = &[
    flag("logger", Text, "zap", "Form of the log; only zap is left."),
    flag(
        "log-outputs",
        Set,
        "default",
        "Where the log goes: stderr, stdout, systemd/journal or paths of files; default is stderr.",
    )
    .listed(),
    flag(
        "audit-log",
        Text,
        "",
        "File to write a line of JSON to for every call: who, what, which keys. Not a flag of etcd.",
    ),
    flag("log-level", Text, "info", "Lowest level shown: debug, info, warn, error, panic or fatal."),
    flag("log-format", Text, "json", "Form of a line: json or console."),
    flag("enable-log-rotation", Bool, "false", "Begin a new log file when one has grown to its limit."),
    flag(
        "log-rotation-config-json",
        Text,
        "{\"maxsize\": 100, \"maxage\": 0, \"maxbackups\": 0, \"localtime\": false, \"compress\": false}",
        "Limits of log files: maxsize in MB, maxage in days, maxbackups.",
    ),
    flag("warning-unary-request-duration", Duration, "300ms", "Requests that take longer are logged."),
];

pub(super) const TRACING: &[Flag] = &[
    flag("enable-distributed-tracing", Bool, "false", "Send traces of requests to a collector."),
    flag("distributed-tracing-address", Text, "localhost:4317", "Address of the collector."),
    flag("distributed-tracing-service-name", Text, "etcd", "Name of the service in traces."),
    flag("distributed-tracing-instance-id", Text, "", "Name of this member in traces."),
    flag("distributed-tracing-sampling-rate", Int, "0", "Requests in a million that are traced."),
];
