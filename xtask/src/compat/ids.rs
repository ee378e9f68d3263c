//! Ids, numbered in the order in which a script meets them.
//!
//! Two programs agree only when the same id comes back in the same places, whatever number it is and however it is
//! written: in hexadecimal, in decimal, or as a varint of protobuf.

use regex::{Captures, Regex};
use std::collections::HashMap;

/// Numbers from here on in an encoded answer are ids: nothing else in these answers counts that far.
const SMALLEST_ID: u64 = 1 << 44;

/// The ids of one script and one pair.
pub(crate) struct Ids {
    known: HashMap<u64, usize>,
    token: Regex,
}

impl Ids {
    pub(crate) fn new() -> Self {
        // A word that says that an id follows, if there is one; then the digits. Shorter ones are no ids, or of ids that
        // the script itself made up.
        let pattern =
            r#"(?P<label>"\w*(?i:id|lease|leader)"(?::| : ))?\b(?P<digits>[0-9a-f]{12,16}|\d{17,20})\b"#;
        Ids {
            known: HashMap::new(),
            token: Regex::new(pattern).expect("the pattern is a constant, and tested"),
        }
    }

    /// The first id in `text`, as it stands there.
    pub(crate) fn first(&self, text: &str) -> Option<String> {
        self.token.captures(text).map(|found| found["digits"].to_owned())
    }

    /// `text` with names for ids. `hex`: whether the call asked for hexadecimal numbers everywhere.
    pub(crate) fn in_text(&mut self, text: &str, hex: bool) -> String {
        let known = &mut self.known;
        let named = self.token.replace_all(text, |found: &Captures<'_>| {
            let (label, digits) = (found.name("label").map_or("", |label| label.as_str()), &found["digits"]);
            // Sixteen digits without a letter can be either; behind a label they are decimal unless asked otherwise.
            let decimal = digits.len() > 16 || (!label.is_empty() && !hex);
            let value = digits.parse().ok().filter(|_| decimal).or(u64::from_str_radix(digits, 16).ok());
            format!("{label}{}", name(known, value.unwrap_or(0)))
        });
        named.into_owned()
    }

    /// The fields of an encoded message in words: numbers that are ids by name, also where they are inside of other
    /// bytes, provided that they were met before.
    pub(crate) fn in_message(&mut self, bytes: &[u8]) -> String {
        let (mut text, mut rest) = (String::new(), bytes);
        while let Some((tag, after)) = varint(rest) {
            let (number, kind) = (tag >> 3, tag & 7);
            let Some((value, after)) = varint(after) else { break };
            rest = match kind {
                0 if value >= SMALLEST_ID => {
                    text.push_str(&format!("{number}={} ", name(&mut self.known, value)));
                    after
                }
                0 => {
                    text.push_str(&format!("{number}={value} "));
                    after
                }
                2 => {
                    let len = usize::try_from(value).unwrap_or(usize::MAX);
                    let Some((content, after)) = after.split_at_checked(len) else { break };
                    text.push_str(&format!("{number}[{}] ", self.in_bytes(content)));
                    after
                }
                _ => break,
            };
        }
        if !rest.is_empty() {
            text.push_str(&self.in_bytes(rest));
        }
        text.trim_end().to_owned()
    }

    fn in_bytes(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let id = varint(rest).and_then(|(value, after)| Some((self.known.get(&value)?, after)));
            if let Some((id, after)) = id {
                text.push_str(&format!("<id{id}>"));
                rest = after;
            } else {
                text.push_str(&first.escape_ascii().to_string());
                rest = &rest[1..];
            }
        }
        text
    }
}

fn name(known: &mut HashMap<u64, usize>, value: u64) -> String {
    let next = known.len() + 1;
    format!("<id{}>", known.entry(value).or_insert(next))
}

/// A varint at the beginning of `bytes`, and what is behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes;
    let value = prost::encoding::decode_varint(&mut rest).ok()?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use prost::encoding::encode_varint;

    #[test]
    fn ids_are_the_same_however_they_are_written() {
        // With all its digits, so few that decimal and hexadecimal are as long, and with decimal digits alone.
        for id in [0x8e9e_05c5_2164_694d_u64, 1_234_567_890_123_456, 0x1234_5678_9012_3456, 1 << 44] {
            let mut ids = Ids::new();
            let text = format!("{id:x} {{\"ID\":{id},\"member_id\":{id}}} \"Lease\" : {id}");
            assert_eq!(
                ids.in_text(&text, false),
                "<id1> {\"ID\":<id1>,\"member_id\":<id1>} \"Lease\" : <id1>",
                "{id}"
            );
            assert_eq!(ids.in_text(&format!("\"ID\":\"{id:x}\""), true), "\"ID\":\"<id1>\"");
            assert_eq!(ids.in_text(&format!("\"ID\" : {id:x}"), true), "\"ID\" : <id1>");
            let mut field = vec![0x10];
            encode_varint(id, &mut field);
            let mut inside = vec![0x1a, u8::try_from(field.len()).unwrap() + 1, b'x'];
            inside.extend_from_slice(&field);
            field.extend_from_slice(&inside);
            assert_eq!(ids.in_message(&field), "2=<id1> 3[x\\x10<id1>]");
        }
    }

    #[test]
    fn other_numbers_stay() {
        let mut ids = Ids::new();
        for text in ["12345678901", "\"count\":99", "deadbeef", "\"ID\":5", "a 1700000000 b"] {
            assert_eq!(ids.in_text(text, false), text);
        }
        assert_eq!(ids.in_message(&[0x08, 5, 0x12, 2, b'a', 0xff]), "1=5 2[a\\xff]");
        assert_eq!(ids.in_message(&[0x12, 9, b'a']), "\\x12\\ta");
    }
}
