//! The figures of all runs, side by side.

use super::{sample::Sample, scenario::Scenario};
use std::fmt::{self, Write as _};

pub(crate) struct Report {
    servers: Vec<String>,
    rows: Vec<(Scenario, String, Vec<Sample>)>,
}

/// Medians over the rounds of one server in one scenario.
struct Medians {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
    rss_mib: f64,
    errors: usize,
}

impl Medians {
    fn of(samples: &[Sample]) -> Self {
        let median = |figure: &dyn Fn(&Sample) -> f64| {
            let mut all: Vec<f64> = samples.iter().map(figure).filter(|value| value.is_finite()).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Medians {
            rate: median(&Sample::rate),
            p50_us: median(&|sample| sample.quantile_us(0.5)),
            p99_us: median(&|sample| sample.quantile_us(0.99)),
            cpu_us: median(&Sample::cpu_per_request_us),
            rss_mib: median(&Sample::rss_mib),
            errors: samples.iter().map(|sample| sample.errors).sum(),
        }
    }
}

impl Report {
    /// Nothing measured yet; the first server is what the others are compared with.
    pub(crate) fn new(servers: Vec<String>) -> Self {
        Report { servers, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, server: &str, scenario: Scenario, sample: Sample) {
        let row = self.rows.iter_mut().find(|(kind, name, _)| *kind == scenario && name == server);
        match row {
            Some((_, _, samples)) => samples.push(sample),
            None => self.rows.push((scenario, server.to_owned(), vec![sample])),
        }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut order: Vec<Scenario> = Vec::new();
        for (scenario, _, _) in &self.rows {
            if !order.contains(scenario) {
                order.push(*scenario);
            }
        }
        order
    }

    fn medians(&self, scenario: Scenario, server: &str) -> Option<Medians> {
        let row = self.rows.iter().find(|(kind, name, _)| *kind == scenario && name == server);
        row.map(|(_, _, samples)| Medians::of(samples))
    }

    /// The same figures without ratios, a line each.
    pub(crate) fn to_tsv(&self) -> String {
        let mut out =
            String::from("scenario\tserver\treq_per_s\tp50_us\tp99_us\tcpu_us_per_req\trss_mib\terrors\n");
        for scenario in self.scenarios() {
            for server in &self.servers {
                let Some(m) = self.medians(scenario, server) else { continue };
                let figures =
                    [m.rate, m.p50_us, m.p99_us, m.cpu_us, m.rss_mib].map(|value| format!("{value:.2}"));
                let _ = writeln!(out, "{scenario}\t{server}\t{}\t{}", figures.join("\t"), m.errors);
            }
        }
        out
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.servers.first().map_or("", String::as_str);
        writeln!(
            out,
            "\n{:<18}{:<12}{:>10}{:>11}{:>11}{:>12}{:>10}   times {reference}: req/s, p50, p99, cpu, rss",
            "scenario", "server", "req/s", "p50 us", "p99 us", "cpu us/req", "rss MiB"
        )?;
        for scenario in self.scenarios() {
            let base = self.medians(scenario, reference);
            for server in &self.servers {
                let Some(m) = self.medians(scenario, server) else { continue };
                write!(
                    out,
                    "{scenario:<18}{server:<12}{:>10.0}{:>11.0}{:>11.0}{:>12.1}{:>10.0}",
                    m.rate, m.p50_us, m.p99_us, m.cpu_us, m.rss_mib
                )?;
                if let Some(base) = base.as_ref().filter(|_| server != reference) {
                    let pairs = [
                        (m.rate, base.rate),
                        (m.p50_us, base.p50_us),
                        (m.p99_us, base.p99_us),
                        (m.cpu_us, base.cpu_us),
                        (m.rss_mib, base.rss_mib),
                    ];
                    let ratios = pairs.map(|(ours, theirs)| format!("{:>5.2}", ours / theirs));
                    write!(out, "   {}", ratios.join(" "))?;
                }
                if m.errors > 0 {
                    write!(out, "   {} ERRORS", m.errors)?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }
}
