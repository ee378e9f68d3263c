//! What a member says of itself, and what the system says of it.

use anyhow::{Context, Result, ensure};
use std::{
    collections::HashMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The series of one scrape.
pub(crate) struct Scrape(HashMap<String, f64>);

impl Scrape {
    /// Scrapes the metrics at `address`.
    pub(crate) fn of(address: SocketAddr) -> Result<Scrape> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(socket, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "no metrics: {answer}");
        let lines = answer.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| line.rsplit_once(' '));
        Ok(Scrape(series.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()))
    }

    /// The value of a series, labels and all.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }

    /// The sum of all series that `wanted` picks.
    pub(crate) fn sum(&self, wanted: impl Fn(&str) -> bool) -> f64 {
        self.0.iter().filter(|(name, _)| wanted(name)).map(|(_, value)| value).sum()
    }
}

impl Scrape {
    /// The upper bound, in milliseconds, of the longest time that a histogram in seconds has seen since `before`.
    pub(crate) fn longest_ms(&self, before: &Scrape, histogram: &str) -> f64 {
        let bound = |name: &str| {
            name.strip_prefix(histogram)?
                .strip_prefix("_bucket{le=\"")?
                .strip_suffix("\"}")?
                .parse::<f64>()
                .ok()
        };
        let mut buckets: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter_map(|(name, count)| Some((bound(name)?, count - before.value(name))))
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Each bucket counts all that the ones before it count.
        let all = buckets.last().map_or(0.0, |(_, count)| *count);
        buckets.iter().find(|(_, count)| *count >= all).map_or(f64::NAN, |(bound, _)| bound * 1e3)
    }
}

/// Memory that a process holds, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// All that is in memory for it.
    pub(crate) resident_kib: u64,
    /// Of that, what belongs to it alone and is in no file: the rest comes and goes as files are mapped.
    pub(crate) anonymous_kib: u64,
}

/// Memory that a process holds now.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).context("the server is gone")?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
        let number = line.split_whitespace().next().and_then(|number| number.parse().ok());
        number.with_context(|| format!("no {name} in {path}"))
    };
    Ok(Memory { resident_kib: kib("Rss:")?, anonymous_kib: kib("Anonymous:")? })
}
