//! Certificates that a member makes for itself: encrypted, but nobody knows who it is.

use crate::TlsError;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// `cert.pem` and `key.pem` in `dir`; made for `hosts` if they are not there yet, valid for `years`.
///
/// # Errors
/// When the folder cannot be written.
pub fn self_signed(dir: &Path, hosts: &[String], years: u64) -> Result<(PathBuf, PathBuf), TlsError> {
    let (cert_path, key_path) = (dir.join("cert.pem"), dir.join("key.pem"));
    if cert_path.exists() && key_path.exists() {
        return Ok((cert_path, key_path));
    }
    let failed = |path: &Path, error: io::Error| TlsError::Read { path: path.to_owned(), error };
    let made = |error: rcgen::Error| TlsError::Settings(format!("cannot generate cert: {error}"));
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let mut params = CertificateParams::new(hosts.to_vec()).map_err(made)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "etcd");
    params.distinguished_name = name;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now;
    params.not_after = epoch + now + YEAR * u32::try_from(years.clamp(1, 1000)).unwrap_or(1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().map_err(made)?;
    let cert = params.self_signed(&key).map_err(made)?;
    tracing::warn!(years, "automatically generate certificates");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&key_path).map_err(|error| failed(&key_path, error))?;
    file.write_all(key.serialize_pem().as_bytes()).map_err(|error| failed(&key_path, error))?;
    tracing::info!(path = %key_path.display(), "created key file");
    fs::write(&cert_path, cert.pem()).map_err(|error| failed(&cert_path, error))?;
    tracing::info!(path = %cert_path.display(), "created cert file");
    Ok((cert_path, key_path))
}
