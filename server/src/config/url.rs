//! URLs of listeners and members, held to what etcd takes, and refused in its words.

use std::{collections::BTreeSet, fmt, net::Ipv6Addr};

/// An address such as `http://127.0.0.1:2379` or `unix://path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    text: String,
    scheme: String,
    /// Host and port, or what stands for them.
    authority: String,
}

impl Url {
    /// Reads one URL.
    ///
    /// # Errors
    /// In etcd's words: a bad scheme, no port, a path, or no URL at all.
    pub fn parse(text: &str) -> Result<Url, String> {
        let text = text.trim();
        let malformed = |problem: String| format!("parse {text:?}: {problem}");
        let (scheme, rest) = split(text).map_err(malformed)?;
        let url = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                check_host(host, scheme.starts_with("http")).map_err(malformed)?;
                let url = Url { text: format!("{scheme}://{rest}"), scheme, authority: host.to_owned() };
                (url, path.starts_with('/'))
            }
            None => {
                let text = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}:{rest}") };
                (Url { text, scheme, authority: String::new() }, rest.starts_with('/'))
            }
        };
        url.0.check(text, url.1)?;
        Ok(url.0)
    }

    fn check(&self, given: &str, has_path: bool) -> Result<(), String> {
        match self.scheme.as_str() {
            "http" | "https" => {
                if split_host_port(&self.authority).is_none() {
                    return Err(format!("URL address does not have the form \"host:port\": {given}"));
                }
                if has_path {
                    return Err(format!("URL must not contain a path: {given}"));
                }
                Ok(())
            }
            "unix" | "unixs" => Ok(()),
            _ => Err(format!("URL scheme must be http, https, unix, or unixs: {given}")),
        }
    }

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http`, `https`, `unix` or `unixs`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it is a unix socket.
    pub fn is_unix(&self) -> bool {
        self.scheme.starts_with("unix")
    }

    /// Whether it asks for TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme.as_str(), "https" | "unixs")
    }

    /// The host, without the brackets of an IPv6 address; of a unix socket, whatever stands in its place.
    pub fn host(&self) -> &str {
        split_host_port(&self.authority).map_or(self.authority.as_str(), |(host, _)| host)
    }

    /// The port; empty for a unix socket.
    pub fn port(&self) -> &str {
        split_host_port(&self.authority).map_or("", |(_, port)| port)
    }

    /// The same with another host.
    pub(super) fn with_host(&self, host: &str) -> Url {
        let authority = match host.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{host}]:{}", self.port()),
            Err(_) => format!("{host}:{}", self.port()),
        };
        Url { text: format!("{}://{authority}", self.scheme), scheme: self.scheme.clone(), authority }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads URLs with commas between them, each once, in order.
pub(super) fn parse_urls(text: &str) -> Result<Vec<Url>, String> {
    let urls = text.split(',').map(Url::parse).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(urls.into_iter().collect())
}

/// The URLs as one text, with commas.
pub(super) fn join(urls: &[Url]) -> String {
    urls.iter().map(Url::as_str).collect::<Vec<_>>().join(",")
}

/// Scheme, in lower case, and what is behind its colon.
fn split(text: &str) -> Result<(String, &str), String> {
    if text.chars().any(char::is_control) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    for (index, character) in text.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((text[..index].to_ascii_lowercase(), &text[index + 1..])),
            _ => break,
        }
    }
    let segment = text.split('/').next().unwrap_or("");
    if segment.contains(':') {
        return Err("first path segment in URL cannot contain colon".to_owned());
    }
    Ok((String::new(), text))
}

/// Refuses hosts that could be no host, as Go does when it reads a URL.
fn check_host(host: &str, is_http: bool) -> Result<(), String> {
    let behind = match host.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("missing ']' in host")?.1,
        None => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    let digits = behind.strip_prefix(':');
    if !behind.is_empty() && !digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("invalid port {behind:?} after host"));
    }
    let colons = if host.starts_with('[') { "" } else { host.trim_start_matches(|c| c != ':') };
    if is_http && colons.len() > behind.len() {
        return Err(format!("invalid port {colons:?} after host"));
    }
    let bytes = host.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let allowed =
            byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(byte) || *byte >= 0x80;
        if !allowed {
            return Err(format!("invalid character {:?} in host name", char::from(*byte).to_string()));
        }
        let escape = bytes.get(index + 1..index + 3);
        if *byte == b'%' && !escape.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
            let end = bytes.len().min(index + 3);
            return Err(format!("invalid URL escape {:?}", String::from_utf8_lossy(&bytes[index..end])));
        }
    }
    Ok(())
}

/// `host:port` or `[v6]:port` in its parts, by the rules of Go's `net.SplitHostPort`.
fn split_host_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = authority.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => {
            inner.strip_suffix(']').filter(|inner| !inner.contains(['[', ']'])).map(|host| (host, port))
        }
        None => (!host.contains([':', '[', ']'])).then_some((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_out_as_they_went_in_and_apart() {
        let cases = [
            ("http://127.0.0.1:2379", "http", "127.0.0.1", "2379"),
            ("HTTPS://Host:1", "https", "Host", "1"),
            (" http://localhost:2379 ", "http", "localhost", "2379"),
            ("http://[::1]:2379", "http", "::1", "2379"),
            ("http://:2379", "http", "", "2379"),
            ("unix://localhost:1", "unix", "localhost", "1"),
            ("unixs:///run/etcd", "unixs", "", ""),
        ];
        for (text, scheme, host, port) in cases {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.scheme(), url.host(), url.port()), (scheme, host, port), "{text}");
        }
    }

    #[test]
    fn refusals_are_in_the_words_of_etcd() {
        let cases = [
            ("ftp://x:1", "URL scheme must be http, https, unix, or unixs: ftp://x:1"),
            ("", "URL scheme must be http, https, unix, or unixs: "),
            ("localhost", "URL scheme must be http, https, unix, or unixs: localhost"),
            ("localhost:2379", "URL scheme must be http, https, unix, or unixs: localhost:2379"),
            ("http://x", "URL address does not have the form \"host:port\": http://x"),
            ("http://[::1]", "URL address does not have the form \"host:port\": http://[::1]"),
            ("http:x:1", "URL address does not have the form \"host:port\": http:x:1"),
            ("http://x:1/p", "URL must not contain a path: http://x:1/p"),
            ("http://x:1/", "URL must not contain a path: http://x:1/"),
            (":1", "parse \":1\": missing protocol scheme"),
            ("1.2.3.4:80", "parse \"1.2.3.4:80\": first path segment in URL cannot contain colon"),
            ("http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"),
            ("unix://a:b:c", "parse \"unix://a:b:c\": invalid port \":c\" after host"),
            ("http://::1:80", "parse \"http://::1:80\": invalid port \"::1:80\" after host"),
            ("http://[::1", "parse \"http://[::1\": missing ']' in host"),
            ("http://%zz:1", "parse \"http://%zz:1\": invalid URL escape \"%zz\""),
            ("http://a b:1", "parse \"http://a b:1\": invalid character \" \" in host name"),
            ("http://a\u{7}:1", "parse \"http://a\\u{7}:1\": net/url: invalid control character in URL"),
        ];
        for (text, expected) in cases {
            assert_eq!(Url::parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn lists_are_sorted_and_without_repetition() {
        let urls = parse_urls("http://b:1, http://a:1,http://b:1").expect("these are URLs");
        assert_eq!(join(&urls), "http://a:1,http://b:1");
        assert!(parse_urls("http://a:1,,http://b:1").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text: String) {
            if let Ok(url) = Url::parse(&text) {
                proptest::prop_assert_eq!(Url::parse(url.as_str()), Ok(url.clone()));
                url.with_host("::1");
            }
        }

        #[test]
        fn texts_like_urls_are_no_panic(text in "(http|https|unix)?:?/?/?[\\[\\]:%@a0./-]{0,12}") {
            if let Ok(url) = Url::parse(&text) {
                proptest::prop_assert_eq!(Url::parse(url.as_str()), Ok(url.clone()));
            }
        }
    }
}
