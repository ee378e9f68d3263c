//! TLS, and the tokens and passwords of users.

use super::settings::Settings;
pub use oxetcd_tls::TlsVersion;
use std::{path::PathBuf, time::Duration};

/// Settings of TLS.
#[derive(Clone, Debug)]
pub struct SecurityConfig {
    /// Towards clients.
    pub client: TlsConfig,
    /// Towards other members.
    pub peer: TlsConfig,
    /// Cipher suites to offer; none means those of the library.
    pub cipher_suites: Vec<String>,
    /// Oldest version taken.
    pub tls_min: TlsVersion,
    /// Newest version taken; `None` is the newest there is.
    pub tls_max: Option<TlsVersion>,
    /// Years for which certificates made here are valid.
    pub self_signed_years: u64,
}

/// TLS of one kind of listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificate shown.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// Certificate of this member's own calls, when another.
    pub client_cert_file: Option<PathBuf>,
    /// Its key.
    pub client_key_file: Option<PathBuf>,
    /// Authorities that vouch for those who call.
    pub trusted_ca_file: Option<PathBuf>,
    /// Revoked certificates.
    pub crl_file: Option<PathBuf>,
    /// Whether callers must show a certificate.
    pub client_cert_auth: bool,
    /// Whether a certificate is made at the start.
    pub auto_tls: bool,
    /// Whether names in a member's certificate are not looked at.
    pub skip_client_san_verify: bool,
    /// Names of which one must stand in a caller's certificate.
    pub allowed_hostnames: Vec<String>,
    /// Common names of which one must stand in it.
    pub allowed_cns: Vec<String>,
}

impl SecurityConfig {
    /// # Errors
    /// When versions or cipher suites do not go together, in etcd's words.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let (min, max) = (settings.text("tls-min-version"), settings.text("tls-max-version"));
        let (tls_min, tls_max) = (version(min)?, version(max)?);
        if tls_min > tls_max && tls_max.is_some() {
            return Err(format!("min version ({min}) is greater than max version ({max})"));
        }
        let cipher_suites = settings.list("cipher-suites").to_vec();
        if tls_min == Some(TlsVersion::V13) && !cipher_suites.is_empty() {
            return Err("cipher suites cannot be configured when only TLS1.3 is enabled".to_owned());
        }
        Ok(SecurityConfig {
            client: TlsConfig {
                allowed_hostnames: settings.list("client-cert-allowed-hostname").to_vec(),
                ..TlsConfig::of(settings, "", "client-")
            },
            peer: TlsConfig {
                allowed_hostnames: settings.list("peer-cert-allowed-hostname").to_vec(),
                allowed_cns: settings.list("peer-cert-allowed-cn").to_vec(),
                skip_client_san_verify: settings.bool("peer-skip-client-san-verification"),
                ..TlsConfig::of(settings, "peer-", "peer-")
            },
            cipher_suites,
            tls_min: tls_min.unwrap_or_default(),
            tls_max,
            self_signed_years: settings.uint("self-signed-cert-validity").max(1),
        })
    }
}

fn version(text: &str) -> Result<Option<TlsVersion>, String> {
    match text {
        "" => Ok(None),
        "TLS1.2" => Ok(Some(TlsVersion::V12)),
        "TLS1.3" => Ok(Some(TlsVersion::V13)),
        _ => Err(format!("unexpected TLS version {text:?} (must be one of: TLS1.2, TLS1.3)")),
    }
}

impl TlsConfig {
    /// The flags that both kinds have; some of the client's have no prefix.
    fn of(settings: &Settings, prefix: &str, crl_prefix: &str) -> Self {
        let path = |rest: &str| settings.path(&format!("{prefix}{rest}"));
        let switch = |rest: &str| settings.bool(&format!("{prefix}{rest}"));
        TlsConfig {
            cert_file: path("cert-file"),
            key_file: path("key-file"),
            client_cert_file: path("client-cert-file"),
            client_key_file: path("client-key-file"),
            trusted_ca_file: path("trusted-ca-file"),
            crl_file: settings.path(&format!("{crl_prefix}crl-file")),
            client_cert_auth: switch("client-cert-auth"),
            auto_tls: switch("auto-tls"),
            ..TlsConfig::default()
        }
    }
}

/// Settings of users' tokens and passwords.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Kind of token and its options.
    pub token: String,
    /// How hard passwords are hashed.
    pub bcrypt_cost: u64,
    /// How long a simple token lives.
    pub token_ttl: Duration,
}

impl AuthConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        AuthConfig {
            token: settings.text("auth-token").to_owned(),
            bcrypt_cost: settings.uint("bcrypt-cost"),
            token_ttl: Duration::from_secs(settings.uint("auth-token-ttl")),
        }
    }
}
