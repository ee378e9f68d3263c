//! How often things have happened: a simulation in which nothing happens finds nothing.

use std::fmt;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    Entry,
    Put,
    Read,
    Leader,
    MemberChange,
    SnapshotMade,
    SnapshotReceived,
    Crash,
    DiskFailure,
    TornLog,
    Partition,
}

const NAMES: [&str; 11] = [
    "entries applied",
    "puts acknowledged",
    "reads answered",
    "leaders elected",
    "changes of members",
    "snapshots made",
    "snapshots received",
    "crashes",
    "failures of disks",
    "torn logs",
    "partitions",
];

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u64; NAMES.len()]);

impl Counts {
    pub(crate) fn see(&mut self, what: Seen) {
        self.0[what as usize] += 1;
    }

    pub(crate) fn of(&self, what: Seen) -> u64 {
        self.0[what as usize]
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// The count of what has happened least.
    pub(crate) fn least(&self) -> u64 {
        self.0.into_iter().min().unwrap_or(0)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> =
            self.0.iter().zip(NAMES).map(|(count, name)| format!("{count} {name}")).collect();
        to.write_str(&counts.join(", "))
    }
}
