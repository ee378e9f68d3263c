//! `--metrics-prefixes`: what happens to the keys below each of some prefixes.
//!
//! Changes are counted where they are applied, so that every member counts all of them, whoever asked for them: puts,
//! transactions, the ends of leases. Reads are counted by the member that answers them. Prefixes may lie within each
//! other; a key counts for each of those that it has.

use super::registrar::Registrar;
use oxetcd_api::{Event, EventKind};
use prometheus::{IntCounter, IntGauge, Registry};

/// Metrics of a few prefixes.
#[derive(Debug)]
pub struct PrefixMetrics(Vec<OfPrefix>);

#[derive(Debug)]
struct OfPrefix {
    prefix: Vec<u8>,
    puts: IntCounter,
    put_bytes: IntCounter,
    deletes: IntCounter,
    ranges: IntCounter,
    keys: IntGauge,
}

impl PrefixMetrics {
    /// Metrics at zero, one set for each of `prefixes`, which differ from each other.
    pub(super) fn new(registry: &Registry, prefixes: &[String]) -> Self {
        let to = Registrar(registry);
        let labels = &["prefix"];
        let counters = |name: &str, help: &str| to.counters(&format!("oxetcd_prefix_{name}"), help, labels);
        let puts = counters("puts_total", "Puts of keys with the prefix that were applied.");
        let put_bytes = counters("put_bytes_total", "Bytes of records that these puts wrote.");
        let deletes = counters("deletes_total", "Deletions of keys with the prefix that were applied.");
        let ranges = counters("ranges_total", "Ranges read here that begin at the prefix or below it.");
        let keys = to.gauges("oxetcd_prefix_keys", "Keys with the prefix that are alive.", labels);
        let of = |prefix: &String| {
            let label = &[prefix.as_str()];
            OfPrefix {
                prefix: prefix.clone().into_bytes(),
                puts: puts.with_label_values(label),
                put_bytes: put_bytes.with_label_values(label),
                deletes: deletes.with_label_values(label),
                ranges: ranges.with_label_values(label),
                keys: keys.with_label_values(label),
            }
        };
        PrefixMetrics(prefixes.iter().map(of).collect())
    }

    fn of<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a OfPrefix> + 'a {
        self.0.iter().filter(move |one| key.starts_with(&one.prefix))
    }

    /// These changes were applied.
    pub fn changed(&self, events: &[Event]) {
        for event in events {
            for one in self.of(&event.key) {
                match event.kind {
                    EventKind::Put => {
                        one.puts.inc();
                        one.put_bytes.inc_by(event.kv.len() as u64);
                    }
                    EventKind::Delete => one.deletes.inc(),
                }
            }
        }
    }

    /// A range that begins at `key` was read.
    pub fn read(&self, key: &[u8]) {
        self.of(key).for_each(|one| one.ranges.inc());
    }

    /// Counts the living keys anew: `count` says how many there are with a prefix.
    pub fn count_keys(&self, count: impl Fn(&[u8]) -> i64) {
        self.0.iter().for_each(|one| one.keys.set(count(&one.prefix)));
    }
}
