//! Which browsers may call, over plain HTTP.
//!
//! A page from anywhere can make a browser send requests to this machine. `--cors` says whose pages may read the
//! answers; `--host-whitelist` under which names this server is called, since a page's own domain can be pointed
//! at a loopback address while it is open (DNS rebinding, CVE-2018-5702). Over TLS the certificate sees to that.

use super::Text;
use crate::net::Identity;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use std::{collections::BTreeSet, sync::Arc};

/// Said to those whose certificate names a user; etcd's words.
const NAME_IGNORED: &str =
    "CommonName of client sending a request against gateway will be ignored and not used as expected";
/// Stands for everything.
const ANY: &str = "*";
const CORS: [(header::HeaderName, &str); 2] = [
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, authorization"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, OPTIONS, PUT, DELETE"),
];

/// Whose pages may call, and under which names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// Origins; none is any.
    pub(crate) origins: BTreeSet<String>,
    /// Host names; none is any.
    pub(crate) hosts: BTreeSet<String>,
}

impl Access {
    /// The answer to a request that calls this server by a name which is not its own, and is not encrypted.
    pub(crate) fn refusal<B>(&self, request: &Request<B>) -> Option<Text> {
        if request.extensions().get::<Arc<Identity>>().is_some() {
            return None;
        }
        let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host_name(named.or_else(|| request.uri().authority().map(|at| at.as_str())).unwrap_or(""));
        if allows(&self.hosts, host) {
            return None;
        }
        tracing::warn!(host, "rejecting HTTP request to prevent DNS rebinding attacks");
        let text = format!(
            "\nThis server was called by a name that is not on its list: {host:?}.\n\n\
             Either use HTTPS, where any name will do, or add the name:\n  etcd --host-whitelist {host:?}\n\n\
             The list keeps web pages from reaching this server (DNS rebinding, CVE-2018-5702).\n"
        );
        Some(Text::error(StatusCode::MISDIRECTED_REQUEST, text))
    }

    /// The answer to a request for the JSON gateway whose certificate names a user. There a token says who asks; to take
    /// the request for nobody's, or for the certificate's, would both surprise somebody. To be asked only while there
    /// are users.
    pub(crate) fn ambiguity<B>(request: &Request<B>) -> Option<Text> {
        let identity = request.extensions().get::<Arc<Identity>>()?;
        identity.common_name.as_ref()?;
        Some(Text::error(StatusCode::BAD_REQUEST, NAME_IGNORED))
    }

    /// The origin that an answer names, for a request with `headers`.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.is_empty() || self.origins.contains(ANY) {
            return Some(HeaderValue::from_static(ANY));
        }
        let origin = headers.get(header::ORIGIN)?;
        self.origins.contains(origin.to_str().ok()?).then(|| origin.clone())
    }

    /// Tells the browser that pages of `origin` may read an answer with `headers`.
    pub(crate) fn allow(origin: HeaderValue, headers: &mut HeaderMap) {
        for (name, value) in CORS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

fn allows(list: &BTreeSet<String>, name: &str) -> bool {
    list.is_empty() || list.contains(ANY) || list.contains(name)
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    if let Some((inner, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return if rest.starts_with(':') { inner } else { host };
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(origins: &[&str], hosts: &[&str]) -> Access {
        let set = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Access { origins: set(origins), hosts: set(hosts) }
    }

    fn called(access: &Access, host: &str) -> bool {
        let request = Request::builder().header(header::HOST, host).body(()).expect("a request");
        access.refusal(&request).is_none()
    }

    #[test]
    fn hosts_are_compared_without_ports() {
        let listed = access(&[], &["localhost", "::1"]);
        for host in ["localhost", "localhost:2379", "[::1]:2379"] {
            assert!(called(&listed, host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:2379", "localhost.evil.example", "[::1]"] {
            assert!(!called(&listed, host), "{host}");
        }
        let mut secure = Request::builder().header(header::HOST, "evil.example").body(()).expect("a request");
        secure.extensions_mut().insert(Arc::new(Identity::default()));
        assert!(listed.refusal(&secure).is_none(), "over TLS any name will do");
        assert!(called(&access(&[], &["*"]), "evil.example") && called(&access(&[], &[]), ""));
    }

    #[test]
    fn origins_are_named_back() {
        let asks = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().expect("a value"));
            headers
        };
        assert_eq!(access(&["*"], &[]).origin(&HeaderMap::new()).expect("any"), "*");
        let listed = access(&["https://a.example"], &[]);
        assert_eq!(listed.origin(&asks("https://a.example")).expect("listed"), "https://a.example");
        assert_eq!(listed.origin(&asks("https://b.example")), None);
        assert_eq!(listed.origin(&HeaderMap::new()), None);
    }
}
