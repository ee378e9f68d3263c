//! URLs of members, as etcd checks them before it sends them on.

use super::quote::quote;

/// Checks a URL at which peers are to reach a member.
///
/// # Errors
/// In etcd's words.
pub fn check_member_url(text: &str) -> Result<(), String> {
    let text = text.trim();
    let scheme_length =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(text.len());
    let (scheme, rest) = match text[scheme_length..].strip_prefix(':') {
        Some(_) if scheme_length == 0 => {
            return Err(format!("parse {}: missing protocol scheme", quote(text)));
        }
        Some(rest) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => (&text[..scheme_length], rest),
        Some(_) => {
            return Err(format!("parse {}: first path segment in URL cannot contain colon", quote(text)));
        }
        None => ("", text),
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let address = rest.strip_prefix("//").unwrap_or_default();
            let (host, path) = address.split_at(address.find(['/', '?', '#']).unwrap_or(address.len()));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            if !has_port(host) {
                return Err(format!("URL address does not have the form \"host:port\": {text}"));
            }
            if path.starts_with('/') {
                return Err(format!("URL must not contain a path: {text}"));
            }
            Ok(())
        }
        "unix" | "unixs" => Ok(()),
        _ => Err(format!("URL scheme must be http, https, unix, or unixs: {text}")),
    }
}

/// Whether this is `host:port`, or `[host]:port` for a host with colons.
fn has_port(address: &str) -> bool {
    match address.strip_prefix('[') {
        Some(inside) => inside.split_once("]:").is_some_and(|(_, port)| !port.contains([':', ']'])),
        None => address.matches(':').count() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::check_member_url;

    #[test]
    fn urls_need_a_scheme_a_host_and_a_port() {
        for good in ["http://127.0.0.1:1", "https://[::1]:2380", " http://h:1 ", "unix://x", "http://h:1?x"] {
            assert_eq!(check_member_url(good), Ok(()), "{good}");
        }
        for (bad, error) in [
            ("nonsense", "URL scheme must be http, https, unix, or unixs: nonsense"),
            ("localhost:2380", "URL scheme must be http, https, unix, or unixs: localhost:2380"),
            ("127.0.0.1:2380", "parse \"127.0.0.1:2380\": first path segment in URL cannot contain colon"),
            (":1", "parse \":1\": missing protocol scheme"),
            ("http://h", "URL address does not have the form \"host:port\": http://h"),
            ("http://::1", "URL address does not have the form \"host:port\": http://::1"),
            ("http://h:1/p", "URL must not contain a path: http://h:1/p"),
            ("", "URL scheme must be http, https, unix, or unixs: "),
        ] {
            assert_eq!(check_member_url(bad), Err(error.to_owned()), "{bad}");
        }
    }
}
