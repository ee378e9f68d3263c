//! TLS, and the tokens and passwords of users.

use super::settings::Settings;
pub use oxetcd_tls::{TlsOptions, TlsVersion};
use std::time::Duration;

/// Settings of TLS.
#[derive(Clone, Debug)]
pub struct SecurityConfig {
    /// Towards clients.
    pub client: TlsConfig,
    /// Towards other members.
    pub peer: TlsConfig,
    /// Cipher suites to offer; none means those of the library.
    pub cipher_suites: Vec<String>,
    /// Years for which certificates made here are valid.
    pub self_signed_years: u64,
}

/// TLS of one kind of listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Files, and whom to let in.
    pub options: TlsOptions,
    /// Whether a certificate is made at the start.
    pub auto_tls: bool,
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
        let both = TlsOptions {
            cipher_suites: cipher_suites.clone(),
            min_version: tls_min.unwrap_or_default(),
            max_version: tls_max,
            ..TlsOptions::default()
        };
        let mut client = TlsConfig::of(settings, "", "client-", both.clone());
        client.options.allowed_hostnames = settings.list("client-cert-allowed-hostname").to_vec();
        let mut peer = TlsConfig::of(settings, "peer-", "peer-", both);
        peer.options.allowed_hostnames = settings.list("peer-cert-allowed-hostname").to_vec();
        peer.options.allowed_cns = settings.list("peer-cert-allowed-cn").to_vec();
        peer.options.check_caller_address = !settings.bool("peer-skip-client-san-verification");
        let self_signed_years = settings.uint("self-signed-cert-validity").max(1);
        Ok(SecurityConfig { client, peer, cipher_suites, self_signed_years })
    }
}

pub(super) fn version(text: &str) -> Result<Option<TlsVersion>, String> {
    match text {
        "" => Ok(None),
        "TLS1.2" => Ok(Some(TlsVersion::V12)),
        "TLS1.3" => Ok(Some(TlsVersion::V13)),
        _ => Err(format!("unexpected TLS version {text:?} (must be one of: TLS1.2, TLS1.3)")),
    }
}

impl TlsConfig {
    /// The flags that both kinds have; some of the client's have no prefix.
    fn of(settings: &Settings, prefix: &str, crl_prefix: &str, both: TlsOptions) -> Self {
        let path = |rest: &str| settings.path(&format!("{prefix}{rest}"));
        let switch = |rest: &str| settings.bool(&format!("{prefix}{rest}"));
        let options = TlsOptions {
            cert_file: path("cert-file"),
            key_file: path("key-file"),
            client_cert_file: path("client-cert-file"),
            client_key_file: path("client-key-file"),
            trusted_ca_file: path("trusted-ca-file"),
            crl_file: settings.path(&format!("{crl_prefix}crl-file")),
            client_cert_auth: switch("client-cert-auth"),
            ..both
        };
        TlsConfig { options, auto_tls: switch("auto-tls") }
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
