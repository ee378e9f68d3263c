//! The figures, a line each, and what they come to.

use crate::bench::paced::Waits;
use std::time::Instant;

/// What was seen in a part.
pub(super) struct Part {
    pub(super) began: Instant,
    pub(super) puts: Waits,
    pub(super) reads: Waits,
    /// What the work beside it says.
    pub(super) note: String,
    /// Upper bound of the longest flush of the log.
    pub(super) fsync_ms: f64,
}

/// All parts of one kind: p99 and longest waits of puts and reads, in milliseconds.
#[derive(Default)]
pub(super) struct Report(Vec<(String, [f64; 4])>);

impl Report {
    /// Prints a part, and keeps its figures.
    pub(super) fn add(&mut self, kind: &str, part: Part) {
        let [puts, reads] = [&part.puts, &part.reads].map(figures);
        let line = |name: &str, [p50, p99, longest]: [f64; 3]| {
            format!("{name} p50 {p50:.2} p99 {p99:.2} longest {longest:.1} ms")
        };
        let longest = part.puts.longest().map_or(0.0, |(due, _)| (due - part.began).as_secs_f64());
        println!(
            "{kind:<7} {} (at {longest:.1} s), {}, log flushes up to {} ms, load {}  {}",
            line("put", puts),
            line("read", reads),
            part.fsync_ms,
            machine_load(),
            part.note
        );
        for waits in [&part.puts, &part.reads] {
            if let Some(error) = &waits.first_error {
                println!("{kind:<7} {} ERRORS, first: {error}", waits.errors);
            }
        }
        self.0.push((kind.to_owned(), [puts[1], puts[2], reads[1], reads[2]]));
    }

    /// Prints the work against peace.
    pub(super) fn sum_up(&self, work: &str) {
        let of = |kind: &str, figure: usize| -> Vec<f64> {
            let mut all: Vec<f64> =
                self.0.iter().filter(|(name, _)| name == kind).map(|(_, figures)| figures[figure]).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        for (what, p99, longest) in [("put", 0, 1), ("read", 2, 3)] {
            let median = |kind: &str| of(kind, p99).get(of(kind, p99).len() / 2).copied().unwrap_or(f64::NAN);
            let most = |kind: &str| of(kind, longest).last().copied().unwrap_or(f64::NAN);
            println!(
                "{what}: median p99 {:.2} ms in peace, {:.2} ms beside {work} ({:.2}x); longest {:.1} and {:.1} ms",
                median("peace"),
                median(work),
                median(work) / median("peace"),
                most("peace"),
                most(work)
            );
        }
    }
}

/// Median, p99 and longest, in milliseconds.
fn figures(waits: &Waits) -> [f64; 3] {
    let sorted = waits.sorted_us();
    let last = sorted.len().saturating_sub(1);
    [0.5, 0.99, 1.0].map(|share| {
        let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1).min(last);
        sorted.get(at).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    })
}

/// The load of the machine over the last minute.
pub(super) fn machine_load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
