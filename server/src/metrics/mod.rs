//! What the member counts and measures, under the names that etcd's dashboards and alert rules ask for.
//!
//! Each subsystem has a struct of handles (`metrics.disk.wal_fsync`, `metrics.server.has_leader`). A handle is
//! an atomic behind an `Arc`: to count costs one atomic addition, never a lock, a lookup or a formatted label.
//! Series with labels are resolved once: gRPC methods when the table is built, outcomes of requests at their
//! first use. Values that something else already knows, such as the size of the data, are not pushed but
//! fetched at a scrape by the closures given to [`Metrics::on_scrape`].
//!
//! Names, types, labels and bucket bounds are etcd's, whatever one thinks of a gauge called `_total`. The few
//! metrics of etcd that have no meaning here stand in [`ABSENT`], each with its reason.

mod absent;
mod appends;
mod disk;
mod grpc;
mod health;
mod lease;
mod mvcc;
mod network;
mod op;
mod outcome;
mod prefix;
mod process;
mod queues;
mod registrar;
mod rpcs;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use absent::ABSENT;
pub use appends::{AppendStats, Rate};
pub use disk::DiskMetrics;
pub use grpc::{GrpcMethod, GrpcMetrics};
pub use health::HealthMetrics;
pub use lease::LeaseMetrics;
pub use mvcc::MvccMetrics;
pub use network::{NetworkMetrics, PeerMetrics};
pub use op::Op;
pub use prefix::PrefixMetrics;
pub use queues::{QueueMetrics, Refused};
pub use server::ServerMetrics;
pub use store::StoreMetrics;

use crate::traces::Traces;
use parking_lot::RwLock;
use process::ProcessMetrics;
use prometheus::{IntCounter, IntCounterVec, Registry};
use registrar::Registrar;
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How much is measured: `--metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsLevel {
    /// Everything but the histogram of gRPC handling times.
    #[default]
    Basic,
    /// Everything.
    Extensive,
}

type Sampler = Box<dyn Fn(&Metrics) + Send + Sync>;

/// All metrics of one member.
pub struct Metrics {
    /// Requests, proposals, leadership.
    pub server: ServerMetrics,
    /// The log, the engine and snapshot files.
    pub disk: DiskMetrics,
    /// Keys, revisions, compaction, watchers.
    pub mvcc: MvccMetrics,
    /// Leases.
    pub lease: LeaseMetrics,
    /// Bytes to and from clients and peers.
    pub network: NetworkMetrics,
    /// The v2 key tree.
    pub store: StoreMetrics,
    /// Health probes.
    pub health: HealthMetrics,
    /// Calls by gRPC method.
    pub grpc: GrpcMetrics,
    /// Where traces of calls go; not counted, but carried to the same places.
    pub(crate) traces: Traces,
    /// Queues and back-pressure: this program's own.
    pub queues: QueueMetrics,
    /// Appends between members; no metric of etcd's.
    pub appends: AppendStats,
    /// Calls of which the audit log has no line.
    pub audit_dropped: IntCounter,
    /// Keys by prefix, if any prefixes are named.
    pub prefixes: OnceLock<PrefixMetrics>,
    process: ProcessMetrics,
    scrapes: IntCounterVec,
    samplers: RwLock<Vec<Sampler>>,
    registry: Registry,
}

impl Metrics {
    /// All metrics at zero.
    pub fn new(level: MetricsLevel) -> Arc<Metrics> {
        let registry = Registry::new();
        let registrar = Registrar(&registry);
        let scrapes = registrar.counters(
            "promhttp_metric_handler_requests_total",
            "Answered scrapes of these metrics, by HTTP status.",
            &["code"],
        );
        for code in ["200", "500", "503"] {
            scrapes.with_label_values(&[code]);
        }
        Arc::new(Metrics {
            server: ServerMetrics::new(&registrar),
            disk: DiskMetrics::new(&registrar),
            mvcc: MvccMetrics::new(&registrar),
            lease: LeaseMetrics::new(&registrar),
            network: NetworkMetrics::new(&registrar),
            store: StoreMetrics::new(&registrar),
            health: HealthMetrics::new(&registrar),
            grpc: GrpcMetrics::new(&registrar, level),
            queues: QueueMetrics::new(&registrar),
            traces: Traces::default(),
            appends: AppendStats::default(),
            audit_dropped: registrar.counter(
                "oxetcd_audit_dropped_total",
                "Calls that are missing in the audit log because it did not keep up or could not be written.",
            ),
            prefixes: OnceLock::new(),
            process: ProcessMetrics::new(&registrar),
            scrapes,
            samplers: RwLock::new(Vec::new()),
            registry,
        })
    }

    /// Counts keys by these prefixes, from now on. Only the first call has an effect.
    pub fn by_prefix(&self, prefixes: &[String]) {
        if !prefixes.is_empty() {
            self.prefixes.get_or_init(|| PrefixMetrics::new(&self.registry, prefixes));
        }
    }

    /// Has `sampler` called before every scrape, to set gauges from what their owners know.
    ///
    /// It runs on the scraper's thread and must not render or register in turn.
    pub fn on_scrape(&self, sampler: impl Fn(&Metrics) + Send + Sync + 'static) {
        self.samplers.write().push(Box::new(sampler));
    }

    /// Everything in the Prometheus text format 0.0.4, families by name.
    pub fn render(&self) -> String {
        for sampler in self.samplers.read().iter() {
            sampler(self);
        }
        self.process.refresh();
        let text = text::encode(&self.registry.gather());
        self.scrapes.with_label_values(&["200"]).inc();
        text
    }

    /// Where metrics of other parts of the program may be registered too.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The member that leads has changed; 0 is nobody.
    pub fn leader_changed(&self, previous: u64, leader: u64, leads: bool) {
        self.server.has_leader.set(i64::from(leader != 0));
        self.server.is_leader.set(i64::from(leads));
        if leader != 0 && leader != previous {
            self.server.leader_changes.inc();
        }
    }

    /// The write batch was committed to the engine.
    pub fn backend_committed(&self, took: Duration) {
        self.disk.backend_commit.observe(took.as_secs_f64());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
