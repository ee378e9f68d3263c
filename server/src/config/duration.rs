//! Durations as Go writes them: `1h2m3s`, `100ms`, `1.5s`.

use std::{fmt, time::Duration};

/// A length of time in nanoseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub i64);

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// As a time to wait; a negative one is none.
    pub fn wait(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads a duration; `None` when the text is none, or none that fits in 64 bits.
    pub fn parse(text: &str) -> Option<GoDuration> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(GoDuration(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total = 0u64;
        while !rest.is_empty() {
            let (part, behind) = parse_part(rest)?;
            total = total.checked_add(part).filter(|total| *total <= 1 << 63)?;
            rest = behind;
        }
        if negative {
            return Some(GoDuration(0i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).ok().map(GoDuration)
    }
}

/// What is wrong with a text that is no duration, in Go's words.
pub(super) fn mistake(text: &str) -> String {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let behind = behind.strip_prefix('.').unwrap_or(behind);
        let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        if behind.len() == rest.len() || rest.starts_with('.') && behind.len() + 1 == rest.len() {
            break;
        }
        let end = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        if unit.is_empty() {
            return format!("time: missing unit in duration {text:?}");
        }
        if UNITS.iter().all(|(name, _)| *name != unit) {
            return format!("time: unknown unit {unit:?} in duration {text:?}");
        }
        rest = behind;
    }
    format!("time: invalid duration {text:?}")
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn parse_part(text: &str) -> Option<(u64, &str)> {
    let (whole, mut rest) = digits(text);
    let mut fraction = "";
    if let Some(behind) = rest.strip_prefix('.') {
        (fraction, rest) = digits(behind);
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let nanos = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut value = whole.checked_mul(nanos)?;
    // Eighteen digits are more than a nanosecond in an hour needs, and cannot overflow.
    let fraction = &fraction[..fraction.len().min(18)];
    if !fraction.is_empty() {
        let scale = 10u128.pow(fraction.len() as u32);
        let part = fraction.parse::<u128>().ok()? * u128::from(nanos) / scale;
        value = value.checked_add(u64::try_from(part).ok()?)?;
    }
    Some((value, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        GoDuration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let fractional = |unit: u64| {
            let fraction = format!("{:0width$}", nanos % unit, width = unit.ilog10() as usize);
            let fraction = fraction.trim_end_matches('0');
            if fraction.is_empty() { String::new() } else { format!(".{fraction}") }
        };
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}{}\u{b5}s", nanos / 1_000, fractional(1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}{}ms", nanos / 1_000_000, fractional(1_000_000)),
            _ => {
                let seconds = nanos / 1_000_000_000;
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}{}s", seconds % 60, fractional(1_000_000_000))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_go_are_read() {
        let second = 1_000_000_000;
        let cases = [
            ("0", Some(0)),
            ("5s", Some(5 * second)),
            ("1h2m3s", Some(3723 * second)),
            ("1.5s", Some(3 * second / 2)),
            (".5s", Some(second / 2)),
            ("5.s", Some(5 * second)),
            ("-1m", Some(-60 * second)),
            ("+1m", Some(60 * second)),
            ("100ms", Some(second / 10)),
            ("3us", Some(3000)),
            ("3\u{b5}s", Some(3000)),
            ("2562047h47m16.854775807s", Some(i64::MAX)),
            ("-2562047h47m16.854775808s", Some(i64::MIN)),
            ("2562047h47m16.854775808s", None),
            ("9999999999h", None),
            ("", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("5x", None),
            ("1d", None),
            ("1s 2s", None),
            ("-", None),
        ];
        for (text, expected) in cases {
            assert_eq!(GoDuration::parse(text), expected.map(GoDuration), "{text:?}");
        }
    }

    #[test]
    fn durations_are_written_as_go_does() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5\u{b5}s"),
            (100_000_000, "100ms"),
            (1_000_000_000, "1s"),
            (60_000_000_000, "1m0s"),
            (7_200_000_000_000, "2h0m0s"),
            (3_723_500_000_000, "1h2m3.5s"),
            (-1_000_000_000, "-1s"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(GoDuration(nanos).to_string(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos: i64) {
            let duration = GoDuration(nanos);
            proptest::prop_assert_eq!(GoDuration::parse(&duration.to_string()), Some(duration));
        }
    }
}
