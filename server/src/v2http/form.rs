//! Parameters of a request: from its query, and from its body if that is a form. Both count; the body comes first.

use std::collections::HashMap;

/// Parameters by name, each with its first value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads parts in the order in which they count.
    ///
    /// # Errors
    /// When one is badly encoded, in Go's words.
    pub(super) fn parse(parts: &[&str]) -> Result<Self, String> {
        let mut form = Form::default();
        for pair in parts.iter().flat_map(|part| part.split(['&', ';'])).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (unescape(name, true)?, unescape(value, true)?);
            form.0.entry(name).or_insert(value);
        }
        Ok(form)
    }

    /// A parameter, if it was given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number; 0 if it was not given. `None` if it is none.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let Some(value) = self.get(name) else { return Some(0) };
        value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
    }

    /// Yes or no; no if it was not given. `None` if it is neither.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
            Some(_) => None,
        }
    }
}

/// Takes percent-encoding back, and `plus` for spaces. What is not UTF-8 becomes a question mark in a diamond.
pub(super) fn unescape(text: &str, plus: bool) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(if plus && byte == b'+' { b' ' } else { byte });
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            let wrong = String::from_utf8_lossy(&after[..after.len().min(2)]).into_owned();
            return Err(format!("invalid URL escape \"%{wrong}\""));
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_comes_first_and_the_first_value_counts() {
        let form = Form::parse(&["value=a+b%21&dir", "value=c&ttl=5&ttl=6&quorum=t&wait=x&n=%2B1"]);
        let form = form.unwrap_or_default();
        assert_eq!(form.get("value"), Some("a b!"));
        assert_eq!((form.get("dir"), form.number("ttl"), form.number("none")), (Some(""), Some(5), Some(0)));
        assert_eq!((form.flag("quorum"), form.flag("wait"), form.flag("dir")), (Some(true), None, None));
        assert_eq!((form.number("n"), form.number("value")), (None, None));
    }

    #[test]
    fn bad_encoding_is_told_in_gos_words() {
        assert_eq!(Form::parse(&["a=%zz"]), Err("invalid URL escape \"%zz\"".to_owned()));
        assert_eq!(unescape("/a%2Fb+c%", false), Err("invalid URL escape \"%\"".to_owned()));
        assert_eq!(unescape("/a%2Fb+c", false).as_deref(), Ok("/a/b+c"));
    }
}
