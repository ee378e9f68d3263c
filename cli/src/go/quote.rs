//! Quoted strings: `"a\tb"`.

use std::fmt::Write as _;

/// Puts double quotes around a string and escapes what cannot be printed, as `%q` does.
pub fn quote(text: impl AsRef<[u8]>) -> String {
    let mut out = String::with_capacity(text.as_ref().len() + 2);
    out.push('"');
    for chunk in text.as_ref().utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(&mut out, c));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn escape(out: &mut String, c: char) {
    // Writing to a string does not fail.
    let _ = match c {
        '"' | '\\' => write!(out, "\\{c}"),
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0c' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\x0b' => out.write_str("\\v"),
        _ if is_print(c) => out.write_char(c),
        _ if c < ' ' || c == '\x7f' => write!(out, "\\x{:02x}", u32::from(c)),
        _ if u32::from(c) < 0x10000 => write!(out, "\\u{:04x}", u32::from(c)),
        _ => write!(out, "\\U{:08x}", u32::from(c)),
    };
}

/// Whether a character is a letter, mark, number, punctuation, symbol, or the plain space.
fn is_print(c: char) -> bool {
    // The standard library knows, but says it only of a character inside a string: the first one of a string is also
    // escaped when it is a combining mark.
    c == ' ' || (c.is_ascii_graphic()) || (!c.is_ascii() && format!("a{c}").escape_debug().nth(2).is_none())
}

/// Reads a quoted string, quotes included: `"…"` with escapes, or `` `…` `` without. `None` when it is none.
pub fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    match text {
        [b'`', inner @ .., b'`'] => {
            (!inner.contains(&b'`')).then(|| inner.iter().copied().filter(|byte| *byte != b'\r').collect())
        }
        [b'"', inner @ .., b'"'] => unescape(inner),
        _ => None,
    }
}

fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        match byte {
            b'"' | b'\n' => return None,
            b'\\' => {
                let (&kind, rest) = text.split_first()?;
                text = rest;
                let simple = match kind {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 0x0b,
                    b'\\' | b'"' => kind,
                    b'x' => u8::try_from(digits(&mut text, 2, 16)?).ok()?,
                    b'0'..=b'7' => {
                        let tail = digits(&mut text, 2, 8)?;
                        u8::try_from(u32::from(kind - b'0') * 64 + tail).ok()?
                    }
                    b'u' | b'U' => {
                        let length = if kind == b'u' { 4 } else { 8 };
                        let c = char::from_u32(digits(&mut text, length, 16)?)?;
                        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        continue;
                    }
                    _ => return None,
                };
                out.push(simple);
            }
            _ => out.push(byte),
        }
    }
    Some(out)
}

fn digits(text: &mut &[u8], count: usize, radix: u32) -> Option<u32> {
    let (head, rest) = text.split_at_checked(count)?;
    *text = rest;
    head.iter().try_fold(0u32, |value, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{quote, unquote};

    #[test]
    fn quotes_as_go_does() {
        let text = "a\0\x07\x08\x0c\n\r\t\x0b\\\"'\x7f".as_bytes();
        let mut input = text.to_vec();
        input.push(0xff);
        input.extend("\u{301}é日\u{200b}\u{a0}😀\u{e0001}\u{feff}\u{2028} x".as_bytes());
        let expected = "\"a\\x00\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'\\x7f\\xff\u{301}é日\\u200b\\u00a0😀\\U000e0001\\ufeff\\u2028 x\"";
        assert_eq!(quote(&input), expected);
    }

    #[test]
    fn unquotes_what_it_quotes_and_refuses_the_rest() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unquote(quote(&all).as_bytes()), Some(all));
        assert_eq!(unquote(br#""\x41\101\u00e9""#), Some("AAé".as_bytes().to_vec()));
        assert_eq!(unquote(b"`a\\n`"), Some(b"a\\n".to_vec()));
        for bad in
            ["", "\"", "\"a", "a", r#""\q""#, r#""\x4""#, r#""\400""#, "\"a\"b\"", r#""\'""#, r#""\ud800""#]
        {
            assert_eq!(unquote(bad.as_bytes()), None, "{bad}");
        }
    }
}
