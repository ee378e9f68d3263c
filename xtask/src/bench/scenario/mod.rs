//! The scenarios, one file a kind of request.

mod data;
mod keep_alive;
mod logins;
mod put;
mod range;
mod txn;
mod watch;

use super::{
    drive::{self, Client, Load},
    sample::Sample,
    target::{self, Target},
};
use anyhow::Result;
use clap::ValueEnum;
use logins::Mix;
use std::fmt;

/// Seconds for which load at a fixed pace is measured.
const PACED_S: f64 = 10.0;

/// A scenario; its name on the command line is its name in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One client puts 256-byte values.
    #[value(name = "put-1")]
    Put1,
    /// A thousand clients put 256-byte values.
    #[value(name = "put-1000")]
    Put1000,
    /// A hundred clients run transactions of eight puts.
    #[value(name = "txn-8")]
    Txn8,
    /// A hundred clients compare and swap.
    #[value(name = "txn-cas")]
    TxnCas,
    /// A thousand clients read one key, linearizable.
    #[value(name = "range-lin")]
    RangeLin,
    /// A thousand clients read one key, serializable.
    #[value(name = "range-ser")]
    RangeSer,
    /// Ten clients read a thousand keys each time.
    #[value(name = "range-1000")]
    Range1000,
    /// One put makes a thousand watchers' events; counted is what they receive.
    #[value(name = "watch-fanout")]
    WatchFanout,
    /// A hundred clients keep a lease each alive.
    #[value(name = "keep-alive")]
    KeepAlive,
    /// Fifty users log in again and again, 1,000 times a second.
    #[value(name = "logins")]
    Logins,
    /// 500 puts a second, with authentication.
    #[value(name = "put-paced")]
    PutPaced,
    /// The same beside 1,000 logins a second; measured are the puts.
    #[value(name = "put-logins")]
    PutLogins,
}

impl Scenario {
    /// All of them, in the order in which they run.
    pub(crate) fn all() -> Vec<Scenario> {
        Self::value_variants().to_vec()
    }

    /// Prepares the server, then measures it.
    pub(crate) fn run(self, target: &Target, threads: usize, scale: f64) -> Result<Sample> {
        let load = |clients, connections, total: usize| {
            let total = (total as f64 * scale).max(1.0) as usize;
            Load { clients, connections, total }
        };
        match self {
            Scenario::Put1 => put::run(target, threads, load(1, 1, 2_000)),
            Scenario::Put1000 => put::run(target, threads, load(1_000, 100, 100_000)),
            Scenario::Txn8 => txn::puts(target, threads, load(100, 10, 20_000)),
            Scenario::TxnCas => txn::compare_and_swap(target, threads, load(100, 10, 40_000)),
            Scenario::RangeLin => range::one_key(target, threads, load(1_000, 100, 100_000), false),
            Scenario::RangeSer => range::one_key(target, threads, load(1_000, 100, 100_000), true),
            Scenario::Range1000 => range::thousand_keys(target, threads, load(10, 10, 2_000)),
            Scenario::WatchFanout => watch::run(target, (500.0 * scale).max(1.0) as usize),
            Scenario::KeepAlive => keep_alive::run(target, threads, load(100, 10, 100_000)),
            Scenario::Logins => logins::run(target, Mix::Logins, PACED_S * scale),
            Scenario::PutPaced => logins::run(target, Mix::Puts, PACED_S * scale),
            Scenario::PutLogins => logins::run(target, Mix::PutsBesideLogins, PACED_S * scale),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        out.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
