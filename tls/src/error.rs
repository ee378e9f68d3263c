//! Why there is no TLS.

use std::{io, path::PathBuf};

/// An error of the operating system in its own words, which are Go's too: no capital, no number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Why settings or files give no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without a key, or the other way round.
    #[error("KeyFile and CertFile must both be present[key: {key}, cert: {cert}]")]
    HalfPair {
        /// The key's file.
        key: String,
        /// The certificate's file.
        cert: String,
    },
    /// The same of the pair for calls of our own.
    #[error(
        "ClientKeyFile and ClientCertFile must both be present or both absent: key: {key}, cert: {cert}]"
    )]
    HalfClientPair {
        /// The key's file.
        key: String,
        /// The certificate's file.
        cert: String,
    },
    /// Two rules of which only one may be given.
    #[error("AllowedCNs and AllowedHostnames are mutually exclusive (cns={cns:?}, hostnames={hostnames:?})")]
    TwoRules {
        /// Common names.
        cns: Vec<String>,
        /// Host names.
        hostnames: Vec<String>,
    },
    /// A file that cannot be read.
    #[error("open {}: {}", .path.display(), plain(.error))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that holds something else.
    #[error("{}: {problem}", .path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A cipher suite that nobody knows.
    #[error("unexpected TLS cipher suite {0:?}")]
    Suite(String),
    /// Settings that leave nothing to agree on.
    #[error("{0}")]
    Settings(String),
}
