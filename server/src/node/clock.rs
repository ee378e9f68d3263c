//! The member's monotonic clock: milliseconds since the process began, which never go back when somebody sets
//! the wall clock.

use std::time::{Instant, SystemTime};

/// Counts milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that starts now, at 1: 0 means "never" to some.
    pub(crate) fn start() -> Self {
        Clock(Instant::now())
    }

    /// Milliseconds since the start.
    pub(crate) fn now_ms(self) -> u64 {
        self.0.elapsed().as_millis() as u64 + 1
    }
}

/// Nanoseconds since 1970 by the wall clock: what moments in the v2 tree are told in.
pub(crate) fn unix_nanos() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
