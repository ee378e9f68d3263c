//! What is to be used, trusted and let in.

use std::path::PathBuf;

/// A version of TLS. Older ones are not spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    V12,
    /// 1.3
    V13,
}

/// Files and rules of one kind of listener and of the calls that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificate shown, with those that lead to its authority.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// Certificate shown in calls of our own; by default [`TlsOptions::cert_file`].
    pub client_cert_file: Option<PathBuf>,
    /// Its key.
    pub client_key_file: Option<PathBuf>,
    /// Authorities that vouch for the other side. Without it callers are not asked, and servers are checked against the
    /// system's authorities.
    pub trusted_ca_file: Option<PathBuf>,
    /// Revoked certificates, PEM or DER.
    pub crl_file: Option<PathBuf>,
    /// Whether callers must show a certificate, even without [`TlsOptions::trusted_ca_file`].
    pub client_cert_auth: bool,
    /// Common names of which the other side must have one; none is any.
    pub allowed_cns: Vec<String>,
    /// Names of which one must stand in the other side's certificate; none is any.
    pub allowed_hostnames: Vec<String>,
    /// TLS 1.2 suites, by their IANA names; none is all that the library has.
    pub cipher_suites: Vec<String>,
    /// Oldest version taken.
    pub min_version: TlsVersion,
    /// Newest version taken; `None` is the newest there is.
    pub max_version: Option<TlsVersion>,
    /// Whether any server is trusted.
    pub insecure_skip_verify: bool,
    /// Name to check servers for, in place of the one that is called.
    pub server_name: Option<String>,
    /// Whether a caller's address must fit its certificate, as between members.
    pub check_caller_address: bool,
}

impl TlsOptions {
    /// Whether there is nothing to be shown: etcd takes that for "no TLS" in listeners.
    pub fn is_empty(&self) -> bool {
        self.cert_file.is_none() && self.key_file.is_none()
    }

    /// Whether callers are asked for a certificate.
    pub fn asks_callers(&self) -> bool {
        self.client_cert_auth || self.trusted_ca_file.is_some()
    }
}
