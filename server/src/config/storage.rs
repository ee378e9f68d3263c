//! The store: its room, its batches, its upkeep.

use super::{
    duration::{self, GoDuration},
    settings::Settings,
};
use std::time::Duration;

/// Settings of the store.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// Room for the data, in bytes; `None` is without limit.
    pub quota_bytes: Option<u64>,
    /// Whether the NOSPACE alarm is taken back once there is room.
    pub auto_disarm_nospace: bool,
    /// Longest time before a batch is committed.
    pub batch_interval: Duration,
    /// Most operations before a batch is committed.
    pub batch_limit: usize,
    /// Most revisions that compaction removes in one batch.
    pub compaction_batch_limit: usize,
    /// Pause between its batches.
    pub compaction_sleep_interval: Duration,
    /// Compaction without being asked.
    pub auto_compaction: AutoCompaction,
    /// Time between comparisons of the members' data; `None` for none.
    pub corrupt_check_time: Option<Duration>,
    /// Time between comparisons of compacted data.
    pub compact_hash_check_time: Duration,
    /// Megabytes that a defragmentation at the start must free to be worth it; 0 for never.
    pub bootstrap_defrag_threshold_mb: u64,
    /// Whether the disk is not waited for.
    pub unsafe_no_fsync: bool,
    /// Whether the process is kept out of swap.
    pub memory_mlock: bool,
}

/// Compaction without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoCompaction {
    /// None.
    #[default]
    Off,
    /// What is older than this goes.
    Periodic(Duration),
    /// All but this many of the newest revisions go.
    Revision(i64),
}

const DEFAULT_QUOTA_BYTES: u64 = 2 << 30;

impl StorageConfig {
    /// # Errors
    /// When `--auto-compaction-retention` is neither a number nor a time, in etcd's words.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let mode = settings.text("auto-compaction-mode");
        Ok(StorageConfig {
            quota_bytes: match settings.int("quota-backend-bytes") {
                0 => Some(DEFAULT_QUOTA_BYTES),
                bytes => u64::try_from(bytes).ok(),
            },
            auto_disarm_nospace: settings.bool("auto-disarm-nospace"),
            batch_interval: settings.wait_or("backend-batch-interval", Duration::from_millis(100)),
            batch_limit: positive_or(settings.int("backend-batch-limit"), 10_000),
            compaction_batch_limit: positive_or(settings.int("compaction-batch-limit"), 1000),
            compaction_sleep_interval: settings
                .wait_or("compaction-sleep-interval", Duration::from_millis(10)),
            auto_compaction: AutoCompaction::parse(mode, settings.text("auto-compaction-retention"))?,
            corrupt_check_time: Some(settings.duration("corrupt-check-time").wait())
                .filter(|time| !time.is_zero()),
            compact_hash_check_time: settings.duration("compact-hash-check-time").wait(),
            bootstrap_defrag_threshold_mb: settings.uint("bootstrap-defrag-threshold-megabytes"),
            unsafe_no_fsync: settings.bool("unsafe-no-fsync"),
            memory_mlock: settings.bool("memory-mlock"),
        })
    }
}

fn positive_or(number: i64, default: usize) -> usize {
    usize::try_from(number).ok().filter(|number| *number > 0).unwrap_or(default)
}

impl AutoCompaction {
    /// A bare number is hours or revisions, by the mode; anything else is a time. In revision mode a time
    /// counts as its nanoseconds: odd, but so it is in etcd.
    fn parse(mode: &str, retention: &str) -> Result<Self, String> {
        let number = retention.parse::<i64>().ok().filter(|number| *number >= 0);
        let revisions = mode == "revision";
        let keep = match number {
            _ if retention.is_empty() => 0,
            Some(number) if revisions => number,
            Some(hours) => hours.saturating_mul(3_600_000_000_000),
            None => {
                let duration = GoDuration::parse(retention).ok_or_else(|| {
                    format!("error parsing CompactionRetention: {}", duration::mistake(retention))
                })?;
                duration.0
            }
        };
        Ok(match keep {
            ..=0 => AutoCompaction::Off,
            keep if revisions => AutoCompaction::Revision(keep),
            keep => AutoCompaction::Periodic(GoDuration(keep).wait()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_read_by_its_mode() {
        let hours = |hours: u64| AutoCompaction::Periodic(Duration::from_secs(hours * 3600));
        let cases = [
            ("periodic", "0", Ok(AutoCompaction::Off)),
            ("periodic", "", Ok(AutoCompaction::Off)),
            ("periodic", "5", Ok(hours(5))),
            ("periodic", "90m", Ok(AutoCompaction::Periodic(Duration::from_secs(5400)))),
            ("periodic", "-1h", Ok(AutoCompaction::Off)),
            ("revision", "1000", Ok(AutoCompaction::Revision(1000))),
            ("revision", "1us", Ok(AutoCompaction::Revision(1000))),
            (
                "periodic",
                "foo",
                Err("error parsing CompactionRetention: time: invalid duration \"foo\"".to_owned()),
            ),
        ];
        for (mode, retention, expected) in cases {
            assert_eq!(AutoCompaction::parse(mode, retention), expected, "{mode} {retention}");
        }
    }
}
