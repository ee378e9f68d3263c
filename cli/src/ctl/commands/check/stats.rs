//! Durations of many calls, summed up.

use std::{collections::BTreeMap, time::Duration};

/// What became of the calls of a check.
#[derive(Clone, Debug, Default)]
pub(super) struct Stats {
    seconds: Vec<f64>,
    /// Messages of calls that failed, and how often each came.
    pub(super) errors: BTreeMap<String, u64>,
}

impl Stats {
    /// Counts a call that succeeded.
    pub(super) fn succeeded(&mut self, took: Duration) {
        self.seconds.push(took.as_secs_f64());
    }

    /// Counts a call that failed.
    pub(super) fn failed(&mut self, error: String) {
        *self.errors.entry(error).or_default() += 1;
    }

    /// Successful calls a second, when all took this long together.
    pub(super) fn rate(&self, total: Duration) -> f64 {
        self.count() / total.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The longest call, in seconds.
    pub(super) fn slowest_s(&self) -> f64 {
        self.seconds.iter().copied().fold(0.0, f64::max)
    }

    /// The standard deviation of the calls, in seconds.
    pub(super) fn deviation_s(&self) -> f64 {
        if self.seconds.is_empty() {
            return 0.0;
        }
        let average = self.seconds.iter().sum::<f64>() / self.count();
        let squares: f64 = self.seconds.iter().map(|seconds| (seconds - average).powi(2)).sum();
        (squares / self.count()).sqrt()
    }

    fn count(&self) -> f64 {
        // Exact up to 2^53 calls.
        self.seconds.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Stats;
    use std::time::Duration;

    #[test]
    fn sums_up() {
        let mut stats = Stats::default();
        for ms in [100, 300, 200, 400] {
            stats.succeeded(Duration::from_millis(ms));
        }
        stats.failed("a".to_owned());
        stats.failed("a".to_owned());
        assert!((stats.rate(Duration::from_secs(2)) - 2.0).abs() < 1e-9);
        assert!((stats.slowest_s() - 0.4).abs() < 1e-9);
        assert!((stats.deviation_s() - 0.111_803_398).abs() < 1e-6);
        assert_eq!(stats.errors.get("a"), Some(&2));
    }

    #[test]
    fn nothing_is_summed_up_to_nothing() {
        let stats = Stats::default();
        let sums = [stats.rate(Duration::ZERO), stats.slowest_s(), stats.deviation_s()];
        assert!(sums.iter().all(|sum| *sum == 0.0), "{sums:?}");
    }
}
