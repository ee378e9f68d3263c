//! Paths and forms as Go's `net/url` writes them.

/// The path of a key below `/v2/keys`: with a slash in front, without `.`, `..` and empty parts; a slash at the end stays.
pub(super) fn canonical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let clean = format!("/{}", parts.join("/"));
    if path.ends_with('/') && clean != "/" { clean + "/" } else { clean }
}

/// A path with everything escaped that may not stand in one.
pub(super) fn escaped_path(path: &str) -> String {
    escaped(path, "$&+,/:;=@-_.~")
}

/// Names and values as a form or a query: sorted by name, as Go does.
pub(super) fn form(pairs: &[(&str, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort_by_key(|(name, _)| *name);
    let value = |text: &str| escaped(text, "-_.~ ").replace(' ', "+");
    let pairs = pairs.iter().map(|(name, text)| format!("{name}={}", value(text)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{canonical, escaped_path, form};

    #[test]
    fn paths_are_made_canonical() {
        for (given, expected) in
            [("", "/"), ("a", "/a"), ("/a//b/", "/a/b/"), ("a/../b/./c", "/b/c"), ("//", "/")]
        {
            assert_eq!(canonical(given), expected, "{given}");
        }
    }

    #[test]
    fn escapes_as_go_does() {
        assert_eq!(escaped_path("/a b/ü?x#%"), "/a%20b/%C3%BC%3Fx%23%25");
        assert_eq!(
            form(&[("value", "a b&c=ü/~".to_owned()), ("ttl", "5".to_owned())]),
            "ttl=5&value=a+b%26c%3D%C3%BC%2F~"
        );
    }
}
