//! Numbers and booleans, as `strconv` reads them.

use super::quote::quote;
use std::fmt;

/// Why a text is no number (or boolean).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberError {
    function: &'static str,
    text: Vec<u8>,
    problem: &'static str,
}

impl NumberError {
    /// Whether the text is a number that does not fit.
    pub fn is_out_of_range(&self) -> bool {
        self.problem == OUT_OF_RANGE
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "strconv.{}: parsing {}: {}", self.function, quote(&self.text), self.problem)
    }
}

impl std::error::Error for NumberError {}

/// Reads a signed number. Base 0 means that the text says it: `0x`, `0o` or `0`, `0b`, else decimal.
///
/// # Errors
/// When the text is no number, or none that fits.
pub fn parse_int(text: &[u8], base: u32) -> Result<i64, NumberError> {
    let error = |problem| NumberError { function: "ParseInt", text: text.to_vec(), problem };
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = i128::from(magnitude(digits, base).map_err(error)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| error(OUT_OF_RANGE))
}

/// Reads an unsigned number; see [`parse_int`].
///
/// # Errors
/// When the text is no number, or none that fits.
pub fn parse_uint(text: &[u8], base: u32) -> Result<u64, NumberError> {
    magnitude(text, base).map_err(|problem| NumberError {
        function: "ParseUint",
        text: text.to_vec(),
        problem,
    })
}

/// Reads `1`, `t`, `true` and the like.
///
/// # Errors
/// For any other text.
pub fn parse_bool(text: &[u8]) -> Result<bool, NumberError> {
    match text {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
        _ => Err(NumberError { function: "ParseBool", text: text.to_vec(), problem: SYNTAX }),
    }
}

const SYNTAX: &str = "invalid syntax";
const OUT_OF_RANGE: &str = "value out of range";

fn magnitude(text: &[u8], base: u32) -> Result<u64, &'static str> {
    let underscores = base == 0;
    let (digits, base, prefixed) = match (base, text) {
        (0, [b'0', b'x' | b'X', rest @ ..]) => (rest, 16, true),
        (0, [b'0', b'o' | b'O', rest @ ..]) => (rest, 8, true),
        (0, [b'0', b'b' | b'B', rest @ ..]) => (rest, 2, true),
        (0, [b'0', rest @ ..]) if !rest.is_empty() => (rest, 8, true),
        (0, _) => (text, 10, false),
        (base, _) => (text, base, false),
    };
    // Underscores stand between digits, or between a base prefix and the first digit.
    let mut value = Some(0u64);
    let mut after_digit = prefixed;
    for byte in digits {
        if *byte == b'_' && underscores && after_digit {
            after_digit = false;
            continue;
        }
        let digit = char::from(*byte).to_digit(base).ok_or(SYNTAX)?;
        value = value.and_then(|v| v.checked_mul(u64::from(base))?.checked_add(u64::from(digit)));
        after_digit = true;
    }
    if digits.is_empty() || !after_digit {
        return Err(SYNTAX);
    }
    value.ok_or(OUT_OF_RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_and_without_prefix() {
        for (text, value) in [
            ("0x1f", 31),
            ("010", 8),
            ("0b11", 3),
            ("0o17", 15),
            ("1_000", 1000),
            ("+5", 5),
            ("-5", -5),
            ("0", 0),
        ] {
            assert_eq!(parse_int(text.as_bytes(), 0), Ok(value), "{text}");
        }
        assert_eq!(parse_int(b"-8000000000000000", 16), Ok(i64::MIN));
        assert_eq!(parse_uint(b"8000000000000000", 16), Ok(1 << 63));
    }

    #[test]
    fn says_what_is_wrong() {
        let int = |text: &str, base| parse_int(text.as_bytes(), base).map_err(|e| e.to_string());
        assert_eq!(int("x", 0), Err("strconv.ParseInt: parsing \"x\": invalid syntax".into()));
        let big = Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range".into());
        assert_eq!(int("9223372036854775808", 0), big);
        for bad in ["", " 5", "0x", "_1", "1__0", "1_", "--1"] {
            assert!(int(bad, 0).is_err(), "{bad}");
        }
        for bad in ["1_0", "0x1f"] {
            assert!(int(bad, 16).is_err(), "{bad}");
        }
        let sign = parse_uint(b"+ff", 16).map_err(|e| e.to_string());
        assert_eq!(sign, Err("strconv.ParseUint: parsing \"+ff\": invalid syntax".into()));
        let yes = parse_bool(b"maybe").map_err(|e| e.to_string());
        assert_eq!(yes, Err("strconv.ParseBool: parsing \"maybe\": invalid syntax".into()));
    }
}
