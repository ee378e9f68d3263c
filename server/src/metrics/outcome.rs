//! Histograms by kind of request and outcome.
//!
//! A series comes into being when it is first used, as in etcd: sixty empty histograms of twenty buckets would
//! be most of a scrape. After that it is found by an index.

use super::op::Op;
use prometheus::{Histogram, HistogramVec};
use std::{sync::OnceLock, time::Duration};

/// One histogram for each kind of request and outcome.
#[derive(Debug)]
pub(super) struct Outcomes {
    family: HistogramVec,
    /// Values of the labels, given a kind and "true" or "false".
    labels: fn(&'static str, &'static str) -> Vec<&'static str>,
    series: Box<[OnceLock<Histogram>]>,
}

impl Outcomes {
    pub(super) fn new(
        family: HistogramVec,
        labels: fn(&'static str, &'static str) -> Vec<&'static str>,
    ) -> Self {
        Outcomes { family, labels, series: (0..Op::ALL.len() * 2).map(|_| OnceLock::new()).collect() }
    }

    pub(super) fn observe(&self, op: Op, success: bool, took: Duration) {
        let series = self.series[op as usize * 2 + usize::from(success)].get_or_init(|| {
            let success = if success { "true" } else { "false" };
            self.family.with_label_values(&(self.labels)(op.name(), success))
        });
        series.observe(took.as_secs_f64());
    }
}
