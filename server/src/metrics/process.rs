//! What is known about the process as a whole: by the kernel, read from `/proc` at each scrape, and by its log.
//!
//! A value that cannot be read keeps its last state: a scrape never fails over `/proc`.

use super::registrar::Registrar;
use parking_lot::Mutex;
use prometheus::{Counter, Gauge, IntGauge};
use std::fs;

/// Gauges of the process.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    cpu_seconds: Counter,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    virtual_max_bytes: Gauge,
    start_time: Gauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    fd_used: IntGauge,
    fd_limit: IntGauge,
    received_bytes: Counter,
    sent_bytes: Counter,
    dropped_log_lines: Counter,
    /// Counters only grow by what was added; two scrapes at once must not both add it.
    refreshing: Mutex<()>,
}

/// Clock ticks a second in `/proc`: part of Linux' interface on every platform that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

impl ProcessMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        ProcessMetrics {
            cpu_seconds: to.float_counter("process_cpu_seconds_total", "CPU time used, in seconds."),
            resident_bytes: to.gauge("process_resident_memory_bytes", "Resident memory."),
            virtual_bytes: to.gauge("process_virtual_memory_bytes", "Virtual memory."),
            virtual_max_bytes: to.float_gauge("process_virtual_memory_max_bytes", "Limit of virtual memory."),
            start_time: to.float_gauge("process_start_time_seconds", "Unix time of the start, in seconds."),
            open_fds: to.gauge("process_open_fds", "File descriptors in use."),
            max_fds: to.gauge("process_max_fds", "Limit of file descriptors."),
            fd_used: to.gauge("os_fd_used", "File descriptors in use."),
            fd_limit: to.gauge("os_fd_limit", "Limit of file descriptors."),
            received_bytes: to.float_counter(
                "process_network_receive_bytes_total",
                "Bytes received in this network namespace.",
            ),
            sent_bytes: to.float_counter(
                "process_network_transmit_bytes_total",
                "Bytes sent in this network namespace.",
            ),
            dropped_log_lines: to.float_counter(
                "oxetcd_log_dropped_lines_total",
                "Lines of the log that were dropped because its output did not keep up.",
            ),
            refreshing: Mutex::new(()),
        }
    }

    pub(super) fn refresh(&self) {
        let _alone = self.refreshing.lock();
        advance(&self.dropped_log_lines, crate::logging::dropped_lines() as f64);
        self.refresh_usage();
        self.refresh_files();
        if let Some((received, sent)) = read("/proc/self/net/netstat").and_then(|text| network_bytes(&text)) {
            advance(&self.received_bytes, received);
            advance(&self.sent_bytes, sent);
        }
    }

    fn refresh_usage(&self) {
        if let Some(stat) = read("/proc/self/stat").and_then(|text| Stat::parse(&text)) {
            advance(&self.cpu_seconds, stat.cpu_ticks as f64 / TICKS_PER_SECOND);
            self.virtual_bytes.set(stat.virtual_bytes);
            if let Some(boot) = read("/proc/stat").and_then(|text| boot_time(&text)) {
                self.start_time.set(boot + stat.start_ticks as f64 / TICKS_PER_SECOND);
            }
        }
        if let Some(kib) = read("/proc/self/status").and_then(|text| field(&text, "VmRSS:")) {
            self.resident_bytes.set(kib * 1024);
        }
    }

    fn refresh_files(&self) {
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // The listing itself holds one open.
            let open = entries.count().saturating_sub(1) as i64;
            self.open_fds.set(open);
            self.fd_used.set(open);
        }
        let Some(limits) = read("/proc/self/limits") else { return };
        if let Some(limit) = soft_limit(&limits, "Max open files") {
            self.max_fds.set(limit as i64);
            self.fd_limit.set(limit as i64);
        }
        if let Some(limit) = soft_limit(&limits, "Max address space") {
            self.virtual_max_bytes.set(limit);
        }
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn advance(counter: &Counter, to: f64) {
    let added = to - counter.get();
    if added > 0.0 {
        counter.inc_by(added);
    }
}

/// Fields of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: u64,
    start_ticks: u64,
    virtual_bytes: i64,
}

impl Stat {
    fn parse(text: &str) -> Option<Stat> {
        // The second field is the program's name in parentheses, with whatever characters it has.
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let start_ticks = fields.nth(6)?.parse().ok()?;
        let virtual_bytes = fields.next()?.parse().ok()?;
        Some(Stat { cpu_ticks: user + system, start_ticks, virtual_bytes })
    }
}

fn field(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn boot_time(text: &str) -> Option<f64> {
    field(text, "btime ").map(|seconds| seconds as f64)
}

fn soft_limit(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// Bytes in and out: two lines that start with `IpExt:`, one of names, one of values.
fn network_bytes(text: &str) -> Option<(f64, f64)> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |wanted| {
        let mut pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some((value("InOctets")?, value("OutOctets")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_any_program_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 12345 4096 77 1";
        let expected = Stat { cpu_ticks: 200, start_ticks: 12345, virtual_bytes: 4096 };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("7 (a"), None);
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn limits_and_counters_are_found_by_name() {
        let limits = "Limit Soft Hard Units\nMax open files            1024   4096   files\n\
                      Max address space         unlimited unlimited bytes\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(soft_limit(limits, "Max address space"), Some(u64::MAX as f64));
        assert_eq!(soft_limit(limits, "Max nonsense"), None);
        let netstat = "TcpExt: A B\nTcpExt: 1 2\nIpExt: X InOctets OutOctets\nIpExt: 9 10 20\n";
        assert_eq!(network_bytes(netstat), Some((10.0, 20.0)));
        assert_eq!(network_bytes("IpExt: X\n"), None);
    }
}
