//! An authority that issues certificates: for tests, and to try a cluster with TLS on one machine.
//!
//! It is as small as that allows: one level, ECDSA keys, nothing remembered. Whoever needs an authority for longer has one.

use crate::TlsError;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long certificates are valid.
const VALID: Duration = Duration::from_secs(365 * 24 * 3600);

/// The library speaks of time in a crate of its own, which there is no need to name.
macro_rules! at {
    ($since_epoch:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + $since_epoch
    };
}

/// Signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a certificate is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Common name; none if empty.
    pub common_name: String,
    /// Host names and addresses it is for.
    pub hosts: Vec<String>,
    /// Whether its time was over yesterday.
    pub expired: bool,
    /// By which it is revoked.
    pub serial: u64,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub cert: String,
    /// Its key, in the clear.
    pub key: String,
}

impl Authority {
    /// An authority of this name, with a new key.
    ///
    /// # Errors
    /// When this machine gives no random numbers.
    pub fn new(common_name: &str) -> Result<Authority, TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (at!(now() - DAY), at!(now() + VALID));
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Authority { issuer: CertifiedIssuer::self_signed(params, key).map_err(failed)? })
    }

    /// Its own certificate, as PEM.
    pub fn cert(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for servers and callers alike, as members need it.
    ///
    /// # Errors
    /// When a host is neither an address nor a name.
    pub fn issue(&self, subject: &Subject) -> Result<Issued, TlsError> {
        let mut params = CertificateParams::new(subject.hosts.clone()).map_err(failed)?;
        params.distinguished_name = named(&subject.common_name);
        params.serial_number = Some(SerialNumber::from(subject.serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let end = if subject.expired { now() - DAY } else { now() + VALID };
        (params.not_before, params.not_after) = (at!(now() - 2 * DAY), at!(end));
        let key = KeyPair::generate().map_err(failed)?;
        let cert = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued { cert: cert.pem(), key: key.serialize_pem() })
    }

    /// A list that revokes certificates by their serial numbers, as PEM.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn revoke(&self, serials: &[u64]) -> Result<String, TlsError> {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: at!(now()),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: at!(now()),
            next_update: at!(now() + VALID),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(failed)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "etcd");
    if !common_name.is_empty() {
        name.push(DnType::CommonName, common_name);
    }
    name
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn failed(error: rcgen::Error) -> TlsError {
    TlsError::Settings(format!("cannot generate cert: {error}"))
}
