//! Reading fields out of a line, as `fmt.Sscanf` and etcdctl's own word splitter do.

use super::quote::{quote, unquote};

/// Reads `"key") op "value"`. Returns what was read before the first mismatch, and whether that was all.
pub fn scan_comparison(text: &[u8]) -> (Scanned, bool) {
    let mut scanned = Scanned::default();
    let complete = (|| {
        let mut rest = text;
        scanned.key = quoted(&mut rest)?;
        rest = rest.strip_prefix(b")")?;
        // A space in the pattern must be met by one.
        rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"\t"))?;
        scanned.operator = word(&mut rest)?;
        scanned.value = quoted(&mut rest)?;
        Some(())
    })()
    .is_some();
    (scanned, complete)
}

/// The fields of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The key, unquoted.
    pub key: Vec<u8>,
    /// What stands between key and value.
    pub operator: Vec<u8>,
    /// The value, unquoted.
    pub value: Vec<u8>,
}

fn skip_space(rest: &mut &[u8]) {
    *rest = rest.trim_ascii_start();
}

fn word(rest: &mut &[u8]) -> Option<Vec<u8>> {
    skip_space(rest);
    let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    (!head.is_empty()).then(|| head.to_vec())
}

fn quoted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    skip_space(rest);
    let end = match rest.first()? {
        b'`' => rest[1..].iter().position(|byte| *byte == b'`')? + 2,
        b'"' => {
            let mut at = 1;
            loop {
                match rest.get(at)? {
                    b'\\' => at += 2,
                    b'"' => break at + 1,
                    _ => at += 1,
                }
            }
        }
        _ => return None,
    };
    let (head, tail) = rest.split_at_checked(end)?;
    *rest = tail;
    unquote(head)
}

/// Splits a line into words; quotes, single or double, hold words together. In double quotes escapes are read.
///
/// # Errors
/// When the escapes inside double quotes are wrong.
pub fn split_words(line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let end = match byte {
            b'"' => double_quoted_end(line, at),
            b'\'' => line[at + 1..].iter().position(|b| *b == b'\'').map(|length| at + length + 2),
            byte if is_space(byte) => None,
            // A word that starts unquoted goes on to the next space, quotes or not.
            _ => Some(line[at..].iter().position(|b| is_space(*b)).map_or(line.len(), |length| at + length)),
        };
        let Some(end) = end else {
            // Spaces, and quotes that are never closed, are skipped.
            at += 1;
            continue;
        };
        let word = &line[at..end];
        words.push(match byte {
            b'"' => unquote(word).ok_or("invalid syntax")?,
            b'\'' => word[1..word.len() - 1].to_vec(),
            _ => word.to_vec(),
        });
        at = end;
    }
    Ok(words)
}

fn double_quoted_end(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match line.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

impl Scanned {
    /// The fields as an error message shows them: `(“key”) op “value”`.
    pub fn describe(&self) -> String {
        let operator = String::from_utf8_lossy(&self.operator);
        format!("({}) {operator} {}", quote(&self.key), quote(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, complete: bool, described: &str) {
        let (scanned, all) = scan_comparison(text.as_bytes());
        assert_eq!((scanned.describe(), all), (described.to_owned(), complete), "{text}");
    }

    #[test]
    fn reads_comparisons_as_go_does() {
        check(r#""key1") > "0""#, true, r#"("key1") > "0""#);
        check(r#""key1")>"0""#, false, r#"("key1")  """#);
        check(r#"key1) > "0""#, false, r#"("")  """#);
        check(r#""key1" ) > "0""#, false, r#"("key1")  """#);
        check("`k`) = `v`", true, r#"("k") = "v""#);
        check(r#""k\x41") = "v" junk"#, true, r#"("kA") = "v""#);
        check(r#""k") = v"#, false, r#"("k") = """#);
        check(r#"  "k")   =   "v""#, true, r#"("k") = "v""#);
        check(r#""a\qb") = "v""#, false, r#"("")  """#);
        check(r#""k") ="v"#, false, r#"("k") ="v """#);
        check("", false, r#"("")  """#);
        check(r#""k"#, false, r#"("")  """#);
    }

    #[test]
    fn splits_words_at_spaces_outside_quotes() {
        let words = |line: &str| {
            let words = split_words(line.as_bytes())?;
            Ok::<_, &str>(
                words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            words(r#"put key1 "overwrote-key1""#),
            Ok(vec!["put".into(), "key1".into(), "overwrote-key1".into()])
        );
        assert_eq!(words(r#"put key1 "a\nb" 'c "d' "#).map(|w| w[2..].join("|")), Ok("a\nb|c \"d".into()));
        assert_eq!(words(r#"a foo"bar baz""#).map(|w| w.join("|")), Ok("a|foo\"bar|baz\"".into()));
        assert_eq!(words(r#"a "open"#).map(|w| w.join("|")), Ok("a|open".into()));
        assert_eq!(words("  "), Ok(vec![]));
        assert_eq!(words(r#"a "\q""#), Err("invalid syntax"));
        assert_eq!(words(r#"a '' """#).map(|w| w.join("|")), Ok("a||".into()));
    }
}
