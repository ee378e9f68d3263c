//! Every metric of etcd is here under its name, type, labels and buckets, or is listed as absent.

use crate::metrics::{ABSENT, Metrics, MetricsLevel, Op};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Name, type, labels and bucket bounds of etcd 3.7.1's metrics, but for those of the Go run time.
const ETCD: &str = include_str!("etcd.tsv");

#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) help: String,
    pub(super) kind: String,
    pub(super) labels: BTreeSet<String>,
    bounds: Vec<String>,
}

/// Touches every series that appears with its first use.
pub(super) fn used() -> Arc<Metrics> {
    let metrics = Metrics::new(MetricsLevel::Extensive);
    metrics.by_prefix(&["a/".to_owned()]);
    let took = Duration::from_millis(3);
    let server = &metrics.server;
    server.applied(Op::Put, true, took);
    server.requested(Op::Put, false, took);
    server.ranged(true, took);
    server.client_request(Some("3.7"), false);
    server.learner_promote_failed("no reason");
    server.identify(1, "3.7.1");
    server.set_cluster_version("3.7");
    server.set_feature("AllAlpha", "ALPHA", false);
    server.set_alarm(1, "NOSPACE", true);
    metrics.network.stream_failed("receive", "watch");
    metrics.network.set_known(1, 2, true);
    metrics.network.peer(1, 2);
    for family in [&metrics.store.reads, &metrics.store.writes] {
        family.with_label_values(&["get"]);
    }
    for family in [&metrics.store.reads_failed, &metrics.store.writes_failed] {
        family.with_label_values(&["get"]);
    }
    metrics.health.checked("livez", "serializable_read", true);
    metrics.queues.identify_engine("memory");
    metrics
}

pub(super) fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut current, mut help) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help).to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type line has a name and a type");
            current = name.to_owned();
            let family =
                Family { help: std::mem::take(&mut help), kind: kind.to_owned(), ..Family::default() };
            families.insert(current.clone(), family);
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&current), "{line:?} is not below the type of {current}");
            let family = families.get_mut(&current).expect("a sample has a type line above it");
            for (name, value) in labels(line) {
                if name != "le" {
                    family.labels.insert(name);
                } else if !family.bounds.contains(&value) {
                    family.bounds.push(value);
                }
            }
        }
    }
    families
}

fn labels(line: &str) -> Vec<(String, String)> {
    let Some((_, rest)) = line.split_once('{') else { return Vec::new() };
    let (inside, _) = rest.rsplit_once('}').expect("labels are closed");
    let pairs = inside.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

fn absent(name: &str) -> bool {
    ABSENT.iter().any(|(start, _)| name.starts_with(start))
}

#[test]
fn every_metric_of_etcd_is_here_or_listed_as_absent() {
    let here = families(&used().render());
    for row in ETCD.lines().skip(1) {
        let mut cells = row.split('\t');
        let (name, kind) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        let labels: BTreeSet<String> =
            cells.next().unwrap_or("").split(',').filter(|l| !l.is_empty()).map(str::to_owned).collect();
        let bounds: Vec<&str> = cells.next().unwrap_or("").split(',').filter(|b| !b.is_empty()).collect();
        let Some(family) = here.get(name) else {
            assert!(absent(name), "{name} is neither here nor listed as absent");
            continue;
        };
        assert!(!absent(name), "{name} is here and listed as absent");
        assert_eq!(family.kind, kind, "type of {name}");
        assert_eq!(family.labels, labels, "labels of {name}");
        if !bounds.is_empty() {
            assert_eq!(family.bounds, bounds, "buckets of {name}");
        }
    }
}

#[test]
fn nothing_is_here_under_a_name_that_etcd_might_take() {
    let known: BTreeSet<&str> = ETCD.lines().filter_map(|row| row.split('\t').next()).collect();
    for name in families(&used().render()).keys() {
        assert!(known.contains(name.as_str()) || name.starts_with("oxetcd_"), "{name} is none of etcd's");
    }
}

#[test]
fn reasons_of_absence_name_metrics_of_etcd() {
    for (start, reason) in ABSENT {
        let known = *start == "go_" || ETCD.lines().any(|row| row.starts_with(start));
        assert!(known, "etcd has nothing like {start}");
        assert!(!reason.is_empty());
    }
}

#[test]
fn handling_times_are_measured_at_the_extensive_level_only() {
    for (level, shown) in [(MetricsLevel::Basic, false), (MetricsLevel::Extensive, true)] {
        let text = Metrics::new(level).render();
        assert_eq!(text.contains("grpc_server_handling_seconds"), shown, "{level:?}");
    }
}
