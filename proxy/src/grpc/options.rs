//! What the gRPC proxy is told.

use crate::{Limits, Srv};
use oxetcd_client::TlsOptions;
use std::{path::PathBuf, time::Duration};

/// Settings of the gRPC proxy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: String,
    /// Another address for metrics and health.
    pub metrics: Option<String>,
    /// The address that clients know it by; empty to tell them of the members.
    pub advertise: String,
    /// Members; used when DNS names none.
    pub endpoints: Vec<String>,
    /// Where DNS names them.
    pub srv: Srv,
    /// Whether members found by DNS are not asked for certificates.
    pub insecure_discovery: bool,
    /// Time between looks at who the members are; `None` for none.
    pub auto_sync: Option<Duration>,
    /// Silence after which a member is asked for a sign of life; `None` for never.
    pub keep_alive_time: Option<Duration>,
    /// Longest wait for that.
    pub keep_alive_timeout: Duration,
    /// Largest request to a member, in bytes.
    pub max_send_bytes: usize,
    /// Largest answer of a member, in bytes.
    pub max_receive_bytes: usize,
    /// TLS towards members.
    pub members_tls: Option<TlsOptions>,
    /// TLS towards clients.
    pub clients_tls: Option<TlsOptions>,
    /// Where a certificate for clients is made when none is given, and for how many years.
    pub self_signed: Option<(PathBuf, u64)>,
    /// What is put before all keys.
    pub namespace: String,
    /// Whether no read shows an older state than one before it.
    pub ordered: bool,
    /// Where proxies register, and for how many seconds; `None` for nowhere.
    pub register: Option<(String, i64)>,
    /// Whether calls are logged.
    pub log_calls: bool,
    /// Limits of clients' connections.
    pub limits: Limits,
}
