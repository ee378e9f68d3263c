//! A look at JSON before the library reads it: what Go's protojson, and with it the reference, refuses or takes otherwise.
//!
//! The library makes the message; it lets a field stand twice, though, takes `"+1"` and `"01"` for numbers and does not take `"1e1"`. So
//! every object is gone through once with its message's descriptor at hand: mistakes are told in protojson's words, with line and
//! column, and numbers come out in the one form that everybody reads. Nothing is decoded twice: values stay slices of the
//! text.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashSet, fmt};

/// Messages within messages that are gone into. Each is read again for each one around it, so there must be an end; the library has
/// one of its own, and is left alone with what is deeper.
const MAX_DEPTH: usize = 40;

/// The first JSON value of `text`, as the library may read it.
///
/// # Errors
/// With what is wrong with it, in the words of Go.
pub(super) fn review<'a>(kind: &MessageDescriptor, text: &'a str) -> Result<Cow<'a, str>, String> {
    let mut source = serde_json::Deserializer::from_str(text);
    let value = <&RawValue>::deserialize(&mut source).map_err(|error| syntax(text, &error))?.get();
    let mut review = Review { text: value, depth: 0, numbers: Vec::new() };
    review.message(kind, value).map_err(|mistake| format!("proto: {mistake}"))?;
    if review.numbers.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    let mut plain = String::with_capacity(value.len());
    let mut done = 0;
    for (start, end, number) in review.numbers {
        plain.push_str(&value[done..start]);
        plain.push_str(&number.to_string());
        done = end;
    }
    plain.push_str(&value[done..]);
    Ok(Cow::Owned(plain))
}

struct Review<'a> {
    text: &'a str,
    depth: usize,
    /// Numbers in another form than digits: where they stand, and what they are. In the order of the text.
    numbers: Vec<(usize, usize, i128)>,
}

impl<'a> Review<'a> {
    fn message(&mut self, kind: &MessageDescriptor, value: &'a str) -> Result<(), String> {
        let Some(members) = members(value) else { return Err(self.unexpected(value)) };
        let (mut seen, mut chosen) = (HashSet::new(), HashSet::new());
        let mut behind = self.at(value) + 1;
        for (name, value) in members {
            let place = behind + self.text[behind..].find('"').unwrap_or(0);
            behind = self.at(value) + value.len();
            let by_name = || kind.get_field_by_name(&name);
            let Some(field) = kind.get_field_by_json_name(&name).or_else(by_name) else { continue };
            if !seen.insert(field.number()) {
                return Err(self.mistake(place, &format!("duplicate field \"{name}\"")));
            }
            if value == "null" {
                continue;
            }
            if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
                && !chosen.insert(oneof.full_name().to_owned())
            {
                let name = format!("error parsing \"{name}\", oneof {} is already set", oneof.full_name());
                return Err(self.mistake(place, &name));
            }
            self.field(&field, value)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptor, value: &'a str) -> Result<(), String> {
        if field.is_map() {
            return Ok(());
        }
        if !field.is_list() {
            return self.single(field, value);
        }
        let Some(elements) = elements(value) else { return Err(self.unexpected(value)) };
        elements.into_iter().try_for_each(|value| self.single(field, value))
    }

    fn single(&mut self, field: &FieldDescriptor, value: &'a str) -> Result<(), String> {
        let is_text = value.starts_with('"');
        let fits = match field.kind() {
            Kind::Message(_) if self.depth == MAX_DEPTH => return Ok(()),
            Kind::Message(kind) => {
                self.depth += 1;
                let read = self.message(&kind, value);
                self.depth -= 1;
                return read;
            }
            Kind::Bool => matches!(value, "true" | "false"),
            Kind::String | Kind::Bytes => is_text,
            Kind::Enum(_) => is_text || self.number(value, i32::MIN.into(), i32::MAX.into()),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                self.number(value, i32::MIN.into(), i32::MAX.into())
            }
            Kind::Uint32 | Kind::Fixed32 => self.number(value, 0, u32::MAX.into()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                self.number(value, i64::MIN.into(), i64::MAX.into())
            }
            Kind::Uint64 | Kind::Fixed64 => self.number(value, 0, u64::MAX.into()),
            Kind::Double | Kind::Float => true,
        };
        if fits {
            return Ok(());
        }
        let words = format!("invalid value for {:?} field {}: {value}", field.kind(), field.json_name());
        Err(self.mistake(self.at(value), &words))
    }

    /// Whether a value is a whole number in these bounds, with quotes or without. Remembers it when it is more than digits.
    fn number(&mut self, value: &'a str, least: i128, most: i128) -> bool {
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let Some(number) = whole(bare).filter(|number| (least..=most).contains(number)) else { return false };
        if bare.contains(['.', 'e', 'E']) || bare == "-0" {
            self.numbers.push((self.at(value), self.at(value) + value.len(), number));
        }
        true
    }

    /// Where a part of the text begins.
    fn at(&self, part: &str) -> usize {
        part.as_ptr() as usize - self.text.as_ptr() as usize
    }

    fn mistake(&self, at: usize, words: &str) -> String {
        format!("({}): {words}", self.place(at))
    }

    fn unexpected(&self, value: &str) -> String {
        // Of a list or an object, its first sign.
        let token = if value.starts_with(['[', '{']) { &value[..1] } else { value };
        format!("syntax error ({}): unexpected token {token}", self.place(self.at(value)))
    }

    fn place(&self, at: usize) -> String {
        let before = &self.text[..at];
        let line = before.rsplit('\n').next().unwrap_or(before);
        format!("line {}:{}", before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

/// A whole number in JSON's form, be it with a fraction of nothing or a power of ten.
fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (mantissa, power) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(integer) || !plain(fraction) || (integer.len() > 1 && integer.starts_with('0')) {
        return None;
    }
    let power_digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    let power: i32 = power.parse().ok().filter(|_| plain(power_digits))?;
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{integer}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // What is left behind the point when it has moved; zeros at the end may go with it.
    let shift = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits = match usize::try_from(shift) {
        Ok(zeros @ 0..20) => format!("{digits}{}", "0".repeat(zeros)),
        Ok(_) => return None,
        Err(_) => {
            let cut = digits.len().checked_sub(shift.unsigned_abs() as usize)?;
            let (kept, lost) = digits.split_at(cut);
            if lost.bytes().any(|byte| byte != b'0') || kept.is_empty() {
                return None;
            }
            kept.to_owned()
        }
    };
    // Longer ones are beyond all bounds.
    let number: i128 = digits.parse().ok().filter(|_| digits.len() <= 20)?;
    Some(if negative { -number } else { number })
}

fn members(text: &str) -> Option<Vec<(String, &str)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de str)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                found.push((name, value.get()));
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()
}

fn elements(text: &str) -> Option<Vec<&str>> {
    struct Elements;
    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some(value) = list.next_element::<&RawValue>()? {
                found.push(value.get());
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_seq(Elements).ok()
}

/// What Go's JSON parser says of a text that is none, where the two have a word for the same.
fn syntax(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected EOF".to_owned();
    }
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let sign = line.get(error.column().saturating_sub(1)..).and_then(|rest| rest.chars().next());
    let said = error.to_string();
    let place = match said.split(" at line ").next().unwrap_or_default() {
        "expected value" => "looking for beginning of value",
        "key must be a string" | "trailing comma" => "looking for beginning of object key string",
        "expected `:`" => "after object key",
        "expected `,` or `}`" => "after object key:value pair",
        "expected `,` or `]`" => "after array element",
        _ => return format!("proto: {said}"),
    };
    match sign {
        Some('\'') => format!("invalid character '\\'' {place}"),
        Some(sign) => format!("invalid character '{sign}' {place}"),
        None => format!("proto: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{review, whole};
    use crate::gateway::routes;
    use std::borrow::Cow;

    fn of(path: &str, text: &str) -> Result<String, String> {
        let route = routes::below(path).and_then(routes::find).expect("a path of the gateway");
        review(&route.method.input(), text).map(Cow::into_owned)
    }

    fn range(text: &str) -> Result<String, String> {
        of("/v3/kv/range", text)
    }

    #[test]
    fn numbers_come_out_as_digits() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1e1", Some(10)),
            ("1.0", Some(1)),
            ("1.50e1", Some(15)),
            ("120e-1", Some(12)),
            ("0e99999", Some(0)),
            ("9223372036854775807", Some(i64::MAX.into())),
            ("-9.223372036854775808E+18", Some(i64::MIN.into())),
            ("1e400", None),
            ("1e-1", None),
            ("1.5", None),
            ("+1", None),
            ("01", None),
            ("1e", None),
            ("1e+", None),
            (".5", None),
            ("5.", None),
            ("", None),
            ("0x1", None),
            (" 1", None),
            ("1e2147483648", None),
            ("1e-2147483648", None),
        ];
        for (text, number) in cases {
            assert_eq!(whole(text), number, "{text}");
        }
        assert_eq!(range(r#"{"limit":"1e1"}"#).as_deref(), Ok(r#"{"limit":10}"#));
        assert_eq!(
            range(r#" {"limit": 1.0 ,"revision":"2", "sort_order":1e0} x"#).as_deref(),
            Ok(r#"{"limit": 1 ,"revision":"2", "sort_order":1}"#)
        );
    }

    /// Each as release 3.7.1 answered it.
    #[test]
    fn mistakes_are_told_as_the_reference_tells_them() {
        let cases = [
            (r#"{"key":"YQ==","key":"Yg=="}"#, r#"proto: (line 1:15): duplicate field "key""#),
            (
                r#"{"key":"YQ==","range_end":"Yg==","rangeEnd":"Yw=="}"#,
                r#"proto: (line 1:34): duplicate field "rangeEnd""#,
            ),
            (r#"{"key":null,"key":null}"#, r#"proto: (line 1:13): duplicate field "key""#),
            (
                r#"{"key":"YQ==","limit":"1.5"}"#,
                r#"proto: (line 1:23): invalid value for int64 field limit: "1.5""#,
            ),
            (
                r#"{"key":"YQ==","limit":1e30}"#,
                "proto: (line 1:23): invalid value for int64 field limit: 1e30",
            ),
            (
                r#"{"key":"YQ==","limit":"+1"}"#,
                r#"proto: (line 1:23): invalid value for int64 field limit: "+1""#,
            ),
            (
                r#"{"key":"YQ==","limit":true}"#,
                "proto: (line 1:23): invalid value for int64 field limit: true",
            ),
            (r#"{"key":5}"#, "proto: (line 1:8): invalid value for bytes field key: 5"),
            (
                r#"{"key":"YQ==","serializable":1}"#,
                "proto: (line 1:30): invalid value for bool field serializable: 1",
            ),
            ("[1]", "proto: syntax error (line 1:1): unexpected token ["),
            ("null", "proto: syntax error (line 1:1): unexpected token null"),
            ("5", "proto: syntax error (line 1:1): unexpected token 5"),
            (r#""x""#, r#"proto: syntax error (line 1:1): unexpected token "x""#),
            (r#"{"key":"#, "unexpected EOF"),
            ("{", "unexpected EOF"),
            (r#"{"key":"YQ==",}"#, "invalid character '}' looking for beginning of object key string"),
            ("{'key':'YQ=='}", "invalid character '\\'' looking for beginning of object key string"),
        ];
        for (text, words) in cases {
            assert_eq!(range(text), Err(words.to_owned()), "{text}");
        }
        let cases = [
            (
                r#"{"success":[{"requestRange":{"key":"YQ=="},"requestPut":{"key":"YQ=="}}]}"#,
                r#"proto: (line 1:44): error parsing "requestPut", oneof etcdserverpb.RequestOp.request is already set"#,
            ),
            (r#"{"success":[null]}"#, "proto: syntax error (line 1:13): unexpected token null"),
            (r#"{"success":{}}"#, "proto: syntax error (line 1:12): unexpected token {"),
        ];
        for (text, words) in cases {
            assert_eq!(of("/v3/kv/txn", text), Err(words.to_owned()), "{text}");
        }
    }

    #[test]
    fn places_count_lines_and_signs() {
        let text = "{\n  \"nope\": \"\u{e4}\", \"limit\": x5}";
        assert_eq!(range(text), Err("invalid character 'x' looking for beginning of value".to_owned()));
        let text = "{\n  \"nope\": \"\u{e4}\", \"limit\": true}";
        assert_eq!(
            range(text),
            Err("proto: (line 2:25): invalid value for int64 field limit: true".to_owned())
        );
    }

    proptest::proptest! {
        /// Whatever is refused is refused in words, and what is let through is the text itself when it has no odd number.
        #[test]
        fn no_text_is_a_panic(text in "[\\[\\]{}:,\" \n]{0,3}(\"(key|limit|\u{e4}|success|requestRange)\"?[:, ]{0,2}(-?[0-9.eE]{0,5}|null|\\{|\\[|\"YQ==\"|\\\\u00e4)[\\]},]{0,2}){0,4}") {
            for path in ["/v3/kv/range", "/v3/kv/txn"] {
                if let Ok(plain) = of(path, &text) {
                    proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&plain).is_ok());
                }
            }
        }
    }
}
