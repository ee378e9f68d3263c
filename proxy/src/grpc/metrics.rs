//! What the proxy counts, by etcd's names.

use prometheus::{IntCounter, IntGauge, Registry, TextEncoder};

/// The counters.
pub(crate) struct Metrics {
    registry: Registry,
    /// Watchers that share another's watch.
    pub(crate) watchers_coalescing: IntGauge,
    /// Events that were asked for once and sent to several.
    pub(crate) events_coalescing: IntCounter,
    /// Answers in the cache.
    pub(crate) cache_keys: IntGauge,
    /// Reads that were answered out of it.
    pub(crate) cache_hits: IntCounter,
    /// Reads that it did not hold.
    pub(crate) cache_misses: IntCounter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let name = |name: &str| format!("etcd_grpc_proxy_{name}_total");
        let counter =
            |of: &str, help: &str| IntCounter::new(name(of), help).expect("the name is a constant and good");
        let gauge =
            |of: &str, help: &str| IntGauge::new(name(of), help).expect("the name is a constant and good");
        let metrics = Metrics {
            registry: Registry::new(),
            watchers_coalescing: gauge("watchers_coalescing", "Watchers that share another's watch."),
            events_coalescing: counter("events_coalescing", "Events sent to several watchers."),
            cache_keys: gauge("cache_keys", "Answers in the cache."),
            cache_hits: counter("cache_hits", "Reads answered out of the cache."),
            cache_misses: counter("cache_misses", "Serializable reads that the cache did not hold."),
        };
        let all: [Box<dyn prometheus::core::Collector>; 5] = [
            Box::new(metrics.watchers_coalescing.clone()),
            Box::new(metrics.events_coalescing.clone()),
            Box::new(metrics.cache_keys.clone()),
            Box::new(metrics.cache_hits.clone()),
            Box::new(metrics.cache_misses.clone()),
        ];
        for collector in all {
            metrics.registry.register(collector).expect("each name is registered once");
        }
        metrics
    }

    /// In the text format.
    pub(crate) fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}
