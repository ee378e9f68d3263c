//! What one run of one scenario showed.

use std::{fmt, time::Duration};

/// Figures of a run.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Requests that were answered, well or not.
    pub(crate) requests: usize,
    /// Requests that failed, and what the first of them said.
    pub(crate) errors: usize,
    pub(crate) first_error: Option<String>,
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
    /// Time of each request in microseconds, sorted.
    pub(crate) latencies_us: Vec<u32>,
    /// CPU time of the server in microseconds.
    pub(crate) cpu_us: Option<u64>,
    /// Peak of the server's memory in KiB.
    pub(crate) rss_kib: Option<u64>,
}

impl Sample {
    /// Requests in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64().max(1e-9)
    }

    /// The time within which `share` of the requests were answered, in microseconds.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        let last = self.latencies_us.len().saturating_sub(1);
        let at = (self.latencies_us.len() as f64 * share).ceil() as usize;
        self.latencies_us.get(at.saturating_sub(1).min(last)).map_or(f64::NAN, |us| f64::from(*us))
    }

    /// CPU time of the server in microseconds a request.
    pub(crate) fn cpu_per_request_us(&self) -> f64 {
        self.cpu_us.map_or(f64::NAN, |us| us as f64 / self.requests.max(1) as f64)
    }

    /// Peak of the server's memory in MiB.
    pub(crate) fn rss_mib(&self) -> f64 {
        self.rss_kib.map_or(f64::NAN, |kib| kib as f64 / 1024.0)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:>9.0} req/s  p50 {:>9.0} us  p99 {:>9.0} us  cpu {:>8.1} us/req  rss {:>6.0} MiB",
            self.rate(),
            self.quantile_us(0.5),
            self.quantile_us(0.99),
            self.cpu_per_request_us(),
            self.rss_mib()
        )?;
        match &self.first_error {
            Some(error) => write!(out, "  {} ERRORS, first: {error}", self.errors),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut sample = Sample {
            requests: 100,
            errors: 0,
            first_error: None,
            wall: Duration::from_secs(2),
            latencies_us: (1..=100).collect(),
            cpu_us: Some(500),
            rss_kib: None,
        };
        assert_eq!(
            (sample.quantile_us(0.5), sample.quantile_us(0.99), sample.quantile_us(1.0)),
            (50., 99., 100.)
        );
        assert_eq!((sample.rate(), sample.cpu_per_request_us()), (50.0, 5.0));
        sample.latencies_us.clear();
        assert!(sample.quantile_us(0.5).is_nan());
    }
}
