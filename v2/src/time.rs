//! Moments, as nanoseconds since 1970, and their RFC 3339 text as Go writes it.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// How Go writes the moment that stands for none.
const ZERO: &str = "0001-01-01T00:00:00Z";

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The text of a moment.
pub fn format(nanos: i64) -> String {
    let (seconds, fraction) = (nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS));
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:09}") };
    let fraction = fraction.trim_end_matches('0');
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The moment of a text; `None` if it is none, or too far away.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let at = |place: usize, expected: u8| text.as_bytes().get(place) == Some(&expected);
    if !(at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':')) {
        return None;
    }
    let midnight = days(number(0..4)?, number(5..7)?, number(8..10)?) * DAY;
    let seconds = midnight + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or("", |rest| {
        &rest[..rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())]
    });
    let fraction = format!("{digits:0<9}").get(..9)?.parse::<i64>().ok()?;
    let zone = rest.get(if digits.is_empty() { 0 } else { digits.len() + 1 }..)?;
    let offset = match zone.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let digits =
                |a: u8, b: u8| i64::from(a.wrapping_sub(b'0')) * 10 + i64::from(b.wrapping_sub(b'0'));
            let offset = digits(*h1, *h2) * 3600 + digits(*m1, *m2) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    seconds.checked_sub(offset)?.checked_mul(NANOS)?.checked_add(fraction)
}

/// Seconds from `now` to `expires`, rounded up.
pub(crate) fn remaining(expires: i64, now: i64) -> i64 {
    let left = expires.saturating_sub(now);
    left / NANOS + i64::from(left % NANOS > 0)
}

/// An optional moment that is left out when there is none.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(nanos: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&nanos.map_or_else(|| ZERO.to_owned(), format))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        match Option::<String>::deserialize(from)? {
            None => Ok(None),
            Some(text) if text.starts_with("0001-01-01T") => Ok(None),
            Some(text) => parse(&text).map(Some).ok_or_else(|| D::Error::custom("not a time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        assert_eq!(format(0), "1970-01-01T00:00:00Z");
        assert_eq!(format(1_709_210_096_120_000_000), "2024-02-29T12:34:56.12Z");
        assert_eq!(parse("2024-02-29T14:34:56.12+02:00"), Some(1_709_210_096_120_000_000));
        assert_eq!(parse("yesterday"), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(nanos in any::<i64>()) {
            prop_assert_eq!(parse(&format(nanos)), Some(nanos));
        }

        #[test]
        fn any_text_does_not_panic(text in ".{0,40}", of in "[0-9TZ:.+-]{0,40}") {
            let _ = (parse(&text), parse(&of));
        }
    }
}
