//! Numbers and booleans as Go's flags read them.

/// Why a text is no value of its kind; the wording is that of Go's `strconv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    Syntax,
    Range,
}

impl NumberError {
    /// As Go's `flag` package tells it.
    pub(super) fn flag_text(self) -> &'static str {
        match self {
            NumberError::Syntax => "parse error",
            NumberError::Range => "value out of range",
        }
    }

    /// As `strconv` tells it.
    pub(super) fn strconv_text(self, function: &str, text: &str) -> String {
        let problem = match self {
            NumberError::Syntax => "invalid syntax",
            NumberError::Range => "value out of range",
        };
        format!("strconv.{function}: parsing {text:?}: {problem}")
    }
}

/// `1`, `t`, `T`, `true` ... and their opposites.
pub(super) fn parse_bool(text: &str) -> Result<bool, NumberError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(NumberError::Syntax),
    }
}

/// A number with a sign or without. The text says its base: `0x`, `0o` or `0`, `0b`, else ten.
pub(super) fn parse_int(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| NumberError::Range)
}

/// A number without a sign, in the base that the text says.
pub(super) fn parse_uint(text: &str) -> Result<u64, NumberError> {
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let prefixed = base != 10;
    let mut value = 0u64;
    let mut overflow = false;
    // An underscore stands between digits, or between a prefix and a digit.
    let mut after_digit = prefixed;
    for character in digits.chars() {
        if character == '_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = character.to_digit(base).ok_or(NumberError::Syntax)?;
        after_digit = true;
        match value.checked_mul(u64::from(base)).and_then(|value| value.checked_add(u64::from(digit))) {
            Some(next) => value = next,
            None => overflow = true,
        }
    }
    if digits.is_empty() || !after_digit || (digits.contains('_') && !prefixed) {
        return Err(NumberError::Syntax);
    }
    if overflow { Err(NumberError::Range) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_its_base() {
        let cases = [
            ("0", Ok(0)),
            ("10", Ok(10)),
            ("0x1F", Ok(31)),
            ("017", Ok(15)),
            ("0o17", Ok(15)),
            ("0b101", Ok(5)),
            ("0x_ff", Ok(255)),
            ("0x1_0", Ok(16)),
            ("0_7", Ok(7)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(NumberError::Range)),
            ("1_0", Err(NumberError::Syntax)),
            ("0x", Err(NumberError::Syntax)),
            ("0x1_", Err(NumberError::Syntax)),
            ("08", Err(NumberError::Syntax)),
            ("", Err(NumberError::Syntax)),
            ("-1", Err(NumberError::Syntax)),
            ("1.5", Err(NumberError::Syntax)),
            ("99999999999999999999x", Err(NumberError::Syntax)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_uint(text), expected, "{text}");
        }
    }

    #[test]
    fn signed_numbers_end_where_64_bits_do() {
        let cases = [
            ("-9223372036854775808", Ok(i64::MIN)),
            ("-9223372036854775809", Err(NumberError::Range)),
            ("+5", Ok(5)),
            ("-0x10", Ok(-16)),
            ("--5", Err(NumberError::Syntax)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }
}
