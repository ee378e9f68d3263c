//! Addresses of members, in the forms that etcd's tools accept.

use std::path::PathBuf;

/// Where a member listens, and whether the connection must be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) address: Address,
    pub(crate) tls: TlsNeed,
    /// The name a certificate is checked against, and the authority of requests.
    pub(crate) server_name: String,
    text: String,
}

/// Something a socket can connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `host:port`.
    Tcp(String),
    /// A socket file.
    Unix(PathBuf),
}

/// What an address says about encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsNeed {
    /// Never, whatever is configured.
    Never,
    /// If it is configured.
    IfConfigured,
    /// Always.
    Always,
}

impl Endpoint {
    /// Reads an address. There is no wrong one: what cannot be understood is taken for `host:port`, and fails when
    /// it is connected to.
    pub fn parse(text: &str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => match text.split_once(':') {
                Some((scheme @ ("unix" | "unixs"), rest)) => (scheme, rest),
                _ => ("", text),
            },
        };
        let tls = match scheme {
            "https" | "unixs" => TlsNeed::Always,
            "http" => TlsNeed::Never,
            _ => TlsNeed::IfConfigured,
        };
        let (address, server_name) = match scheme {
            "unix" | "unixs" => {
                let path = PathBuf::from(rest);
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                (Address::Unix(path), name.unwrap_or_default())
            }
            "http" | "https" => {
                let host = without_root(rest.split(['/', '?', '#']).next().unwrap_or_default());
                (Address::Tcp(host.clone()), host)
            }
            "" => (Address::Tcp(text.to_owned()), text.to_owned()),
            _ => (Address::Tcp(text.to_owned()), rest.to_owned()),
        };
        Endpoint { address, tls, server_name, text: text.to_owned() }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Without the dot behind a host's name, as DNS writes it: neither certificates nor files of hosts have one.
fn without_root(address: &str) -> String {
    match address.rsplit_once(':') {
        Some((host, port)) => format!("{}:{port}", host.strip_suffix('.').unwrap_or(host)),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Endpoint, TlsNeed};

    fn check(text: &str, address: &str, unix: bool, tls: TlsNeed, name: &str) {
        let endpoint = Endpoint::parse(text);
        let expected = if unix { Address::Unix(address.into()) } else { Address::Tcp(address.into()) };
        assert_eq!(
            (&endpoint.address, endpoint.tls, &*endpoint.server_name),
            (&expected, tls, name),
            "{text}"
        );
        assert_eq!(endpoint.as_str(), text);
    }

    #[test]
    fn reads_every_form() {
        use TlsNeed::{Always, IfConfigured, Never};
        check("127.0.0.1:2379", "127.0.0.1:2379", false, IfConfigured, "127.0.0.1:2379");
        check("[::1]:2379", "[::1]:2379", false, IfConfigured, "[::1]:2379");
        check("http://a:1", "a:1", false, Never, "a:1");
        check("http://a:1/path?x", "a:1", false, Never, "a:1");
        check("https://a:1", "a:1", false, Always, "a:1");
        check("https://a.example.org.:1", "a.example.org:1", false, Always, "a.example.org:1");
        check("unix:local", "local", true, IfConfigured, "local");
        check("unix://localhost:1", "localhost:1", true, IfConfigured, "localhost:1");
        check("unixs:///run/etcd.sock", "/run/etcd.sock", true, Always, "etcd.sock");
        check("", "", false, IfConfigured, "");
    }
}
