//! What stands in a certificate.

use rustls::pki_types::CertificateDer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The parts of a certificate that rules ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Common name of the subject.
    pub(crate) common_name: Option<String>,
    /// DNS names it is for.
    pub(crate) dns_names: Vec<String>,
    /// Addresses it is for.
    pub(crate) addresses: Vec<IpAddr>,
    /// Serial number, without leading zeros.
    pub(crate) serial: Vec<u8>,
    /// First and last second it is valid, since 1970.
    pub(crate) valid_s: (i64, i64),
}

/// `None` when it is no certificate.
pub(crate) fn read(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let common_name = parsed.subject().iter_common_name().last();
    let common_name = common_name.and_then(|name| name.as_str().ok()).map(str::to_owned);
    let mut found = Certificate {
        common_name: common_name.filter(|name| !name.is_empty()),
        serial: trimmed(parsed.raw_serial()),
        valid_s: (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp()),
        ..Certificate::default()
    };
    if let Ok(Some(names)) = parsed.subject_alternative_name() {
        for name in &names.value.general_names {
            match name {
                GeneralName::DNSName(name) => found.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => found.addresses.extend(address(bytes)),
                _ => {}
            }
        }
    }
    Some(found)
}

/// A serial number in the form that comparisons use.
pub(crate) fn trimmed(serial: &[u8]) -> Vec<u8> {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial[zeros..].to_vec()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into());
    v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()))
}
