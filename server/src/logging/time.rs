//! Times as they stand in a log line: UTC, to the microsecond.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time as it stands in a log line.
pub(crate) fn time_stamp(time: SystemTime) -> String {
    Civil::of(time).stamp()
}

/// Parts of a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) micros: u32,
}

impl Civil {
    /// Takes a time apart. Times before 1970 count as 1970: a clock that wrong is not worth more.
    pub(super) fn of(time: SystemTime) -> Civil {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Counting years from March puts the leap day at a year's end, and days from 0000-03-01.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest % 3600 / 60,
            second: rest % 60,
            micros: since.subsec_micros(),
        }
    }

    /// `2026-11-22T17:00:00.000000Z`.
    pub(super) fn stamp(&self) -> String {
        let Civil { year, month, day, hour, minute, second, micros } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }

    /// `2026-11-22T17-00-00.000`, fit for the name of a file.
    pub(super) fn file_stamp(&self) -> String {
        let Civil { year, month, day, hour, minute, second, micros } = self;
        let millis = micros / 1000;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{millis:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_right_around_leap_days_and_turns_of_the_century() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_795_370_334, "2026-11-22T17:58:54.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ];
        for (seconds, expected) in cases {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Civil::of(time).stamp(), expected);
        }
        let time = UNIX_EPOCH + Duration::from_micros(1_500_042);
        assert_eq!(Civil::of(time).stamp(), "1970-01-01T00:00:01.500042Z");
        assert_eq!(Civil::of(time).file_stamp(), "1970-01-01T00-00-01.500");
    }

    #[test]
    fn a_clock_before_1970_is_no_panic() {
        assert_eq!(Civil::of(UNIX_EPOCH - Duration::from_secs(5)).year, 1970);
    }
}
