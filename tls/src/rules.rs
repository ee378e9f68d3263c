//! What is asked of the other side's certificate beyond a chain to an authority.

use crate::{TlsError, TlsOptions, certificate, load, words};
use rustls::{
    CertificateError, Error,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use std::collections::HashSet;

/// Names and revocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    common_names: Vec<String>,
    hostnames: Vec<ServerName<'static>>,
    revoked: HashSet<Vec<u8>>,
}

/// Said of names that are not allowed, by etcd too.
const NOT_ALLOWED: &str = "client certificate authentication failed";

impl Rules {
    /// # Errors
    /// When the list of revocations cannot be read.
    pub(crate) fn load(options: &TlsOptions) -> Result<Rules, TlsError> {
        let hostnames = options.allowed_hostnames.iter().map(|name| {
            let bad = |_| TlsError::Settings(format!("{name:?} is no name of a host"));
            ServerName::try_from(name.clone()).map_err(bad)
        });
        Ok(Rules {
            common_names: options.allowed_cns.clone(),
            hostnames: hostnames.collect::<Result<_, _>>()?,
            revoked: options.crl_file.as_deref().map(load::revoked).transpose()?.unwrap_or_default(),
        })
    }

    /// # Errors
    /// When a certificate of the chain was revoked, or the first one has none of the names.
    pub(crate) fn check(&self, end: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        if !self.revoked.is_empty() {
            for one in std::iter::once(end).chain(chain) {
                let read = certificate::read(one).ok_or(CertificateError::BadEncoding)?;
                if self.revoked.contains(&read.serial) {
                    let serial: String = read.serial.iter().map(|byte| format!("{byte:02x}")).collect();
                    return Err(words::refusal(&format!("transport: certificate serial {serial} revoked")));
                }
            }
        }
        if !self.common_names.is_empty() {
            let name = certificate::read(end).and_then(|read| read.common_name).unwrap_or_default();
            if !self.common_names.contains(&name) {
                return Err(words::refusal(NOT_ALLOWED));
            }
        }
        if !self.hostnames.is_empty() {
            let parsed = ParsedCertificate::try_from(end)?;
            if !self.hostnames.iter().any(|name| verify_server_name(&parsed, name).is_ok()) {
                return Err(words::refusal(NOT_ALLOWED));
            }
        }
        Ok(())
    }
}
