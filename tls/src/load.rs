//! From files to certificates, keys, authorities and revocations.

use crate::{TlsError, certificate::trimmed};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{collections::HashSet, path::Path};
use x509_parser::{pem::parse_x509_pem, prelude::FromDer, revocation_list::CertificateRevocationList};

/// A certificate, with those that lead to its authority, and its key.
pub(crate) struct Pair {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Authorities, and their certificates as they stand in the file.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) store: RootCertStore,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), error })
}

fn content(path: &Path, problem: impl std::fmt::Display) -> TlsError {
    TlsError::Content { path: path.to_owned(), problem: problem.to_string() }
}

/// # Errors
/// When there is none, or not only such.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| content(path, error))?;
    if found.is_empty() {
        return Err(content(path, "tls: failed to find any PEM data in certificate input"));
    }
    Ok(found)
}

/// The common name of a certificate's subject, if it has one.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn certificate_name(path: &Path) -> Result<Option<String>, TlsError> {
    let chain = certificates(path)?;
    Ok(chain.first().and_then(crate::certificate::read).and_then(|certificate| certificate.common_name))
}

/// # Errors
/// When either file cannot be read or holds something else.
pub(crate) fn pair(cert: &Path, key: &Path) -> Result<Pair, TlsError> {
    let chain = certificates(cert)?;
    let bytes = read(key)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| content(key, error))?;
    Ok(Pair { chain, key })
}

/// # Errors
/// When a certificate cannot be an authority's.
pub(crate) fn authorities(path: &Path) -> Result<Authorities, TlsError> {
    let certificates = certificates(path)?;
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|error| content(path, error))?;
    }
    Ok(Authorities { store, certificates })
}

/// The authorities that this machine trusts.
pub(crate) fn system_authorities() -> Authorities {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Authorities { store, certificates: Vec::new() }
}

/// Serial numbers that were revoked. As with etcd the file itself is trusted, whoever signed it.
///
/// # Errors
/// When it is no list.
pub(crate) fn revoked(path: &Path) -> Result<HashSet<Vec<u8>>, TlsError> {
    let bytes = read(path)?;
    let der = match bytes.starts_with(b"-----BEGIN") {
        true => parse_x509_pem(&bytes).map_err(|error| content(path, error))?.1.contents,
        false => bytes,
    };
    let (_, list) = CertificateRevocationList::from_der(&der).map_err(|error| content(path, error))?;
    Ok(list.iter_revoked_certificates().map(|one| trimmed(one.raw_serial())).collect())
}
