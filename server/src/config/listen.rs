//! Where a member listens, and what it grants those who connect.

use super::{settings::Settings, url::Url};
use std::{collections::BTreeSet, time::Duration};

/// Settings of listeners and connections.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    /// For other members.
    pub peer: Vec<Url>,
    /// For clients: gRPC, and HTTP unless [`ListenConfig::client_http`] is set.
    pub client: Vec<Url>,
    /// For clients, HTTP alone.
    pub client_http: Vec<Url>,
    /// For metrics and health alone.
    pub metrics: Vec<Url>,
    /// How sockets are opened.
    pub socket: SocketOptions,
    /// Most streams at once on one connection.
    pub max_concurrent_streams: u32,
    /// How silent connections are kept.
    pub keepalive: Keepalive,
    /// Whether JSON is answered over HTTP.
    pub grpc_gateway: bool,
    /// Whether there is a v2 API.
    pub v2: bool,
    /// Origins from which browsers may call; `*` is any.
    pub cors: BTreeSet<String>,
    /// Host names under which plain HTTP is answered; `*`, or none, is any.
    pub host_whitelist: BTreeSet<String>,
}

/// How sockets are opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Several processes may listen on one port.
    pub reuse_port: bool,
    /// An address whose old connections are not quite gone may be taken.
    pub reuse_address: bool,
}

/// How silent gRPC connections are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Clients that ping more often are cut off.
    pub min_time: Duration,
    /// Silence after which a client is pinged; zero is never.
    pub interval: Duration,
    /// How long its answer may take; zero is no limit.
    pub timeout: Duration,
}

impl ListenConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        let set = |name: &str| settings.list(name).iter().cloned().collect();
        ListenConfig {
            peer: settings.urls("listen-peer-urls").to_vec(),
            client: settings.urls("listen-client-urls").to_vec(),
            client_http: settings.urls("listen-client-http-urls").to_vec(),
            metrics: settings.urls("listen-metrics-urls").to_vec(),
            socket: SocketOptions {
                reuse_port: settings.bool("socket-reuse-port"),
                reuse_address: settings.bool("socket-reuse-address"),
            },
            max_concurrent_streams: u32::try_from(settings.uint("max-concurrent-streams"))
                .unwrap_or(u32::MAX),
            keepalive: Keepalive {
                min_time: settings.duration("grpc-keepalive-min-time").wait(),
                interval: settings.duration("grpc-keepalive-interval").wait(),
                timeout: settings.duration("grpc-keepalive-timeout").wait(),
            },
            grpc_gateway: settings.bool("enable-grpc-gateway"),
            v2: settings.bool("enable-v2"),
            cors: set("cors"),
            host_whitelist: set("host-whitelist"),
        }
    }
}
