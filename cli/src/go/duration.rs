//! Durations: `1m30s`, `1.5ms`.

use super::quote::quote;
use std::{fmt, time::Duration};

/// A length of time in nanoseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoDuration(pub i64);

const SECOND: u64 = 1_000_000_000;

impl GoDuration {
    /// As a length of waiting: a negative one is none.
    pub fn wait(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads `1h30m`, `1.5s`, `-2us`, `0`.
    ///
    /// # Errors
    /// In the words of Go.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", quote(text));
        let (negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if rest == b"0" {
            return Ok(GoDuration(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total = 0u64;
        while !rest.is_empty() {
            let whole = take(&mut rest, u8::is_ascii_digit);
            let mut fraction: &[u8] = &[];
            if let Some(after) = rest.strip_prefix(b".") {
                rest = after;
                fraction = take(&mut rest, u8::is_ascii_digit);
            }
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let unit = take(&mut rest, |byte| *byte != b'.' && !byte.is_ascii_digit());
            if unit.is_empty() {
                return Err(format!("time: missing unit in duration {}", quote(text)));
            }
            let Some(scale) = unit_ns(unit) else {
                return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
            };
            let value = number(whole).and_then(|whole| whole.checked_mul(scale)).ok_or_else(invalid)?;
            let sum = total.checked_add(value).and_then(|sum| sum.checked_add(fraction_ns(fraction, scale)));
            total = sum.filter(|sum| *sum <= 1 << 63).ok_or_else(invalid)?;
        }
        if negative {
            return Ok(GoDuration((total as i64).wrapping_neg()));
        }
        i64::try_from(total).map(GoDuration).map_err(|_| invalid())
    }
}

fn take<'a>(rest: &mut &'a [u8], wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
    let length = rest.iter().position(|byte| !wanted(byte)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    head
}

fn unit_ns(unit: &[u8]) -> Option<u64> {
    Some(match std::str::from_utf8(unit).ok()? {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, byte| value.checked_mul(10)?.checked_add(u64::from(byte - b'0')))
}

fn fraction_ns(digits: &[u8], scale: u64) -> u64 {
    let mut weight = scale as f64;
    let ns: f64 = digits
        .iter()
        .map(|byte| {
            weight /= 10.0;
            f64::from(byte - b'0') * weight
        })
        .sum();
    // Adding up tenths leaves an error far below a nanosecond; it must not round down a whole one.
    (ns + 1e-6) as u64
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        GoDuration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match ns {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{ns}ns"),
            1_000..1_000_000 => write!(f, "{}µs", Decimal(ns, 1_000)),
            1_000_000..SECOND => write!(f, "{}ms", Decimal(ns, 1_000_000)),
            _ => {
                let minutes = ns / (60 * SECOND);
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", Decimal(ns % (60 * SECOND), SECOND))
            }
        }
    }
}

/// A quotient by a power of ten, without trailing zeros.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decimal(value, unit) = *self;
        write!(f, "{}", value / unit)?;
        if value % unit != 0 {
            let digits = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::GoDuration;

    #[test]
    fn reads_and_prints_as_go_does() {
        for (text, printed) in [
            ("0", "0s"),
            ("1.5h", "1h30m0s"),
            ("1h1m1s1ms1us1ns", "1h1m1.001001001s"),
            ("-1s", "-1s"),
            ("+1s", "1s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("1µs", "1µs"),
            ("1500ns", "1.5µs"),
            ("1.234567ms", "1.234567ms"),
            ("90061s", "25h1m1s"),
            ("0.000000001s", "1ns"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(
                GoDuration::parse(text.as_bytes()).map(|d| d.to_string()),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let check = |text: &str, error: &str| {
            assert_eq!(GoDuration::parse(text.as_bytes()), Err(error.to_owned()));
        };
        check("", "time: invalid duration \"\"");
        check("5", "time: missing unit in duration \"5\"");
        check("1x", "time: unknown unit \"x\" in duration \"1x\"");
        check("x", "time: invalid duration \"x\"");
        check(".s", "time: invalid duration \".s\"");
        check("1e3s", "time: unknown unit \"e\" in duration \"1e3s\"");
        check("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\"");
        check("99999999h", "time: invalid duration \"99999999h\"");
    }
}
