//! Time and log of consensus.

use super::settings::Settings;
use std::time::Duration;

/// Settings of consensus.
#[derive(Clone, Debug)]
pub struct RaftConfig {
    /// Length of a tick, which is the time between heartbeats, in milliseconds.
    pub heartbeat_ms: u64,
    /// Time without a heartbeat before an election, in milliseconds.
    pub election_ms: u64,
    /// Whether the wait for the first election is shortened.
    pub initial_election_tick_advance: bool,
    /// Whether members ask before they campaign.
    pub pre_vote: bool,
    /// Entries after which a snapshot is taken.
    pub snapshot_count: u64,
    /// Entries kept behind a snapshot.
    pub snapshot_catchup_entries: u64,
    /// Log files to keep; 0 keeps all.
    pub max_wals: u64,
    /// Snapshot files to keep; 0 keeps all.
    pub max_snapshots: u64,
    /// Longest wait for bytes of a peer.
    pub read_timeout: Duration,
    /// Longest wait for a peer to take bytes.
    pub write_timeout: Duration,
}

/// Peers send a sign of life every third of this: less would cut off healthy ones.
pub(super) const MIN_PEER_TIMEOUT: Duration = Duration::from_secs(5);

impl RaftConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        let timeout = |name: &str| settings.duration(name).wait().max(MIN_PEER_TIMEOUT);
        RaftConfig {
            heartbeat_ms: settings.uint("heartbeat-interval"),
            election_ms: settings.uint("election-timeout"),
            initial_election_tick_advance: settings.bool("initial-election-tick-advance"),
            pre_vote: settings.bool("pre-vote"),
            snapshot_count: settings.uint("snapshot-count"),
            snapshot_catchup_entries: settings.uint("snapshot-catchup-entries"),
            max_wals: settings.uint("max-wals"),
            max_snapshots: settings.uint("max-snapshots"),
            read_timeout: timeout("raft-read-timeout"),
            write_timeout: timeout("raft-write-timeout"),
        }
    }

    /// Ticks of an election timeout.
    pub fn election_ticks(&self) -> usize {
        (self.election_ms / self.heartbeat_ms.max(1)) as usize
    }

    /// The election timeout, in whole ticks.
    pub fn election_timeout(&self) -> Duration {
        Duration::from_millis(self.election_ticks() as u64 * self.heartbeat_ms)
    }

    /// How long a request may take: five seconds for itself, and two elections.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(5) + 2 * self.election_timeout()
    }
}
