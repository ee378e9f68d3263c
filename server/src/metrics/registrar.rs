//! Makes metrics and registers them in one step.
//!
//! Names and labels are constants of this program, so a refused one is a defect here, found by the first test
//! that builds the metrics at all.

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

/// Makes metrics for one registry.
pub(super) struct Registrar<'a>(pub(super) &'a Registry);

const VALID: &str = "metric names and labels here are constants in the form that Prometheus asks for";
const UNIQUE: &str = "each metric here is registered once";

impl Registrar<'_> {
    pub(super) fn add<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect(VALID);
        self.0.register(Box::new(metric.clone())).expect(UNIQUE);
        metric
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    /// A gauge of fractions, or of numbers beyond 63 bits.
    pub(super) fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        self.add(Gauge::new(name, help))
    }

    /// A counter of fractions.
    pub(super) fn float_counter(&self, name: &str, help: &str) -> prometheus::Counter {
        self.add(prometheus::Counter::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: Buckets) -> Histogram {
        self.add(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.bounds())))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: Buckets,
        labels: &[&str],
    ) -> HistogramVec {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.bounds()), labels))
    }
}

/// Upper bounds of a histogram's buckets: each twice the one before.
#[derive(Clone, Copy)]
pub(super) struct Buckets {
    /// Bound of the first bucket.
    pub(super) first: f64,
    /// Number of buckets, `+Inf` not counted.
    pub(super) count: usize,
}

impl Buckets {
    /// 1 ms to 8 s: a disk or a request in good and bad days.
    pub(super) const MILLISECONDS: Buckets = Buckets { first: 0.001, count: 14 };
    /// 100 us to 52 s: work in memory.
    pub(super) const FINE: Buckets = Buckets { first: 0.0001, count: 20 };

    fn bounds(self) -> Vec<f64> {
        std::iter::successors(Some(self.first), |bound| Some(bound * 2.0)).take(self.count).collect()
    }
}
