//! Peer URLs, and which of a member's several is in use.

use parking_lot::Mutex;
use std::{fmt, str::FromStr, sync::Arc};

/// Where a member listens for its peers: `http://10.0.0.1:2380`, `unix://file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerUrl {
    scheme: Scheme,
    rest: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Unix,
    Unixs,
}

/// Why a string is no URL of a peer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no URL of a peer: {0:?}")]
pub struct UrlError(String);

impl PeerUrl {
    /// Whether the connection is to be encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Unixs)
    }

    /// The file of a unix socket.
    ///
    /// The reference takes `unix://host:port` for a file of that very name in the working directory.
    pub fn socket_file(&self) -> Option<&str> {
        matches!(self.scheme, Scheme::Unix | Scheme::Unixs).then_some(&*self.rest)
    }

    /// `host:port`, unless this is a unix socket.
    pub fn address(&self) -> Option<&str> {
        matches!(self.scheme, Scheme::Http | Scheme::Https).then_some(&*self.rest)
    }
}

impl FromStr for PeerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let bad = || UrlError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "unix" => Scheme::Unix,
            "unixs" => Scheme::Unixs,
            _ => return Err(bad()),
        };
        let network = matches!(scheme, Scheme::Http | Scheme::Https);
        let rest = if network { rest.trim_end_matches('/') } else { rest };
        let printable = rest.bytes().all(|byte| byte.is_ascii_graphic());
        if rest.is_empty() || !printable || (network && (rest.contains('/') || !rest.contains(':'))) {
            return Err(bad());
        }
        Ok(PeerUrl { scheme, rest: rest.into() })
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Unix => "unix",
            Scheme::Unixs => "unixs",
        };
        write!(f, "{scheme}://{}", self.rest)
    }
}

/// The URLs of one member. One is in use until it fails; then it is the next one's turn.
pub(crate) struct UrlPicker {
    state: Mutex<Picked>,
}

struct Picked {
    urls: Vec<PeerUrl>,
    at: usize,
}

impl UrlPicker {
    /// Leaves out what is no URL.
    pub(crate) fn new(urls: &[String]) -> UrlPicker {
        UrlPicker { state: Mutex::new(Picked { urls: parse(urls), at: 0 }) }
    }

    pub(crate) fn replace(&self, urls: &[String]) {
        *self.state.lock() = Picked { urls: parse(urls), at: 0 };
    }

    /// The URL in use, `None` if there is none at all.
    pub(crate) fn pick(&self) -> Option<PeerUrl> {
        let state = self.state.lock();
        state.urls.get(state.at).cloned()
    }

    /// `url` failed. Several tasks may say so about the same one: it counts once.
    pub(crate) fn failed(&self, url: &PeerUrl) {
        let mut state = self.state.lock();
        if state.urls.get(state.at) == Some(url) {
            state.at = (state.at + 1) % state.urls.len();
        }
    }
}

fn parse(urls: &[String]) -> Vec<PeerUrl> {
    let parsed = urls.iter().filter_map(|url| match url.parse() {
        Ok(url) => Some(url),
        Err(error) => {
            tracing::warn!(error = %error, "a peer's URL is left out");
            None
        }
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for good in ["http://127.0.0.1:2380", "https://[::1]:1", "unix://localhost:2380", "unixs:///tmp/a"] {
            assert_eq!(good.parse::<PeerUrl>().unwrap().to_string(), good);
        }
        assert_eq!("http://a:1/".parse::<PeerUrl>().unwrap().address(), Some("a:1"));
        assert_eq!("unix:///tmp/a".parse::<PeerUrl>().unwrap().socket_file(), Some("/tmp/a"));
        for bad in ["", "127.0.0.1:2380", "ftp://a:1", "http://", "http://a", "http://a:1/b", "http://a b:1"]
        {
            assert!(bad.parse::<PeerUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_url_is_used_when_one_fails() {
        let urls = ["http://a:1", "nonsense", "http://b:1"].map(String::from);
        let picker = UrlPicker::new(&urls);
        let a = picker.pick().unwrap();
        picker.failed(&a);
        picker.failed(&a);
        let b = picker.pick().unwrap();
        assert_eq!(b.to_string(), "http://b:1");
        picker.failed(&b);
        assert_eq!(picker.pick().unwrap(), a);
        picker.replace(&[]);
        assert_eq!(picker.pick(), None);
        picker.failed(&a);
    }
}
