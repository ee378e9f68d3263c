//! Limits on requests, and when slow ones are told of.

use super::settings::Settings;
use std::time::Duration;

/// Settings for requests.
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// Most operations in one branch of a transaction.
    pub max_txn_ops: usize,
    /// Largest encoded request, in bytes.
    pub max_request_bytes: usize,
    /// Entries that take longer to apply are logged.
    pub warning_apply: Duration,
    /// Requests that take longer are logged.
    pub warning_unary_request: Duration,
    /// Silence after which a watcher that asked for it is told the revision.
    pub watch_progress_interval: Duration,
}

const MIN_PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

impl LimitsConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        let size = |name: &str| usize::try_from(settings.uint(name)).unwrap_or(usize::MAX);
        let progress = settings.wait_or("watch-progress-notify-interval", Duration::from_secs(600));
        LimitsConfig {
            max_txn_ops: size("max-txn-ops"),
            max_request_bytes: size("max-request-bytes"),
            warning_apply: settings.duration("warning-apply-duration").wait(),
            warning_unary_request: settings
                .wait_or("warning-unary-request-duration", Duration::from_millis(300)),
            watch_progress_interval: progress.max(MIN_PROGRESS_INTERVAL),
        }
    }
}
