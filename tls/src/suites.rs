//! Cipher suites by the names that operators write, and versions.

use crate::{TlsError, TlsOptions, TlsVersion, p521::with_ring};
use rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    version::{TLS12, TLS13},
};
use std::sync::Arc;

/// Names that etcd takes and this library has nothing for: weak, or without forward secrecy.
const WEAK: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// Every suite of the library, by its IANA name.
fn named(name: &str) -> Option<rustls::SupportedCipherSuite> {
    ring::ALL_CIPHER_SUITES.iter().copied().find(|suite| {
        let own = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        own == name || own.strip_suffix("_SHA256") == Some(name) && name.ends_with("CHACHA20_POLY1305")
    })
}

/// # Errors
/// When a name is none that etcd takes.
pub fn check_cipher_suites(names: &[String]) -> Result<(), TlsError> {
    match names.iter().find(|name| named(name).is_none() && !WEAK.contains(&name.as_str())) {
        Some(name) => Err(TlsError::Suite(name.clone())),
        None => Ok(()),
    }
}

/// The library with the suites that are asked for. Those of TLS 1.3 are all there, as with etcd.
pub(crate) fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, TlsError> {
    check_cipher_suites(&options.cipher_suites)?;
    let mut provider = with_ring();
    if !options.cipher_suites.is_empty() {
        let asked: Vec<_> = options.cipher_suites.iter().filter_map(|name| named(name)).collect();
        provider.cipher_suites.retain(|suite| suite.tls13().is_some() || asked.contains(suite));
        let only_12 = options.max_version == Some(TlsVersion::V12);
        if only_12 && provider.cipher_suites.iter().all(|suite| suite.tls13().is_some()) {
            return Err(TlsError::Settings("none of the cipher suites is supported with TLS1.2".to_owned()));
        }
    }
    Ok(Arc::new(provider))
}

/// The versions that are taken.
pub(crate) fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    match (options.min_version, options.max_version) {
        (TlsVersion::V13, _) => vec![&TLS13],
        (TlsVersion::V12, Some(TlsVersion::V12)) => vec![&TLS12],
        (TlsVersion::V12, _) => vec![&TLS13, &TLS12],
    }
}
