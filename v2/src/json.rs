//! JSON in the form that Go writes: `<`, `>`, `&` and the two line separators of Unicode are escaped.

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io::{self, Write};

struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            out.write_all(&rest.as_bytes()[..at])?;
            let mut after = rest[at..].chars();
            // `find` found one there.
            let escaped = after.next().unwrap_or_default();
            write!(out, "\\u{:04x}", u32::from(escaped))?;
            rest = after.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => out.write_all(b"\\\""),
            CharEscape::ReverseSolidus => out.write_all(b"\\\\"),
            CharEscape::Solidus => out.write_all(b"/"),
            CharEscape::LineFeed => out.write_all(b"\\n"),
            CharEscape::CarriageReturn => out.write_all(b"\\r"),
            CharEscape::Tab => out.write_all(b"\\t"),
            CharEscape::Backspace => out.write_all(b"\\u0008"),
            CharEscape::FormFeed => out.write_all(b"\\u000c"),
            CharEscape::AsciiControl(byte) => write!(out, "\\u{byte:04x}"),
        }
    }
}

/// `value` as Go's `encoding/json` writes it.
pub fn to_json<T: Serialize>(value: &T) -> String {
    let mut out = Vec::new();
    // Writing into memory cannot fail, and what is written here has texts for keys.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut out, Go));
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_in_go() {
        let text = "<a> & \u{2028}\u{8}\u{c}\u{1}\n\"\\\u{7f}é";
        let expected = r#""\u003ca\u003e \u0026 \u2028\u0008\u000c\u0001\n\"\\"#;
        assert_eq!(to_json(&text), format!("{expected}\u{7f}é\""));
    }
}
