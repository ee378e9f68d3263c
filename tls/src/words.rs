//! Failures in the words of Go's TLS, which scripts and people search for.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, pki_types::ServerName};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

/// Marks a refusal by a rule of our own: nobody can be called under it.
const OWN_RULE: Ipv4Addr = Ipv4Addr::BROADCAST;

/// A refusal that the log words as `text`, and that the other side hears of as "bad certificate", which is what Go makes
/// of an error of its caller. Of the library's errors only this one is told so and has room for a text.
pub(crate) fn refusal(text: &str) -> Error {
    let expected = ServerName::IpAddress(OWN_RULE.into());
    CertificateError::NotValidForNameContext { expected, presented: vec![text.to_owned()] }.into()
}

/// The text of a [`refusal`].
fn own_rule(reason: &CertificateError) -> Option<&str> {
    match reason {
        CertificateError::NotValidForNameContext { expected: ServerName::IpAddress(address), presented }
            if *address == OWN_RULE.into() =>
        {
            presented.first().map(String::as_str)
        }
        _ => None,
    }
}

/// The text of what a handshake ended with.
pub(crate) fn of(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(inner) => of_tls(inner),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        None => error.to_string(),
    }
}

fn of_tls(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(reason) => {
            if let Some(text) = own_rule(reason) {
                return text.to_owned();
            }
            format!("tls: failed to verify certificate: x509: {}", of_certificate(reason))
        }
        Error::AlertReceived(alert) => format!("remote error: tls: {}", of_alert(*alert)),
        Error::NoCertificatesPresented => "tls: client didn't provide a certificate".to_owned(),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        Error::PeerIncompatible(what) => format!("tls: no agreement: {what:?}"),
        other => format!("tls: {other}"),
    }
}

fn of_certificate(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer => "certificate signed by unknown authority".to_owned(),
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "certificate has expired or is not yet valid".to_owned()
        }
        CertificateError::NotValidForName => "certificate is not valid for the name of the server".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => wrong_name(expected, presented),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate specifies an incompatible key usage".to_owned()
        }
        CertificateError::Other(other) => other.0.to_string(),
        other => other.to_string(),
    }
}

/// The library writes the names of a certificate as `DnsName("a")` and `IpAddress(0::1)`.
fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let of_kind = |kind: &str| -> Vec<String> {
        let names = presented.iter().filter_map(|name| name.strip_prefix(kind)?.strip_prefix('('));
        let names = names.filter_map(|name| name.strip_suffix(')')).map(|name| name.trim_matches('"'));
        names
            .map(|name| name.parse::<IpAddr>().map_or(name.to_owned(), |address| address.to_string()))
            .collect()
    };
    let wanted = expected.to_str();
    match expected {
        ServerName::IpAddress(_) => match of_kind("IpAddress").join(", ") {
            valid if valid.is_empty() => {
                format!("cannot validate certificate for {wanted} because it doesn't contain any IP SANs")
            }
            valid => format!("certificate is valid for {valid}, not {wanted}"),
        },
        _ => match of_kind("DnsName").join(", ") {
            valid if valid.is_empty() => {
                format!("certificate is not valid for any names, but wanted to match {wanted}")
            }
            valid => format!("certificate is valid for {valid}, not {wanted}"),
        },
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::BadCertificate => "bad certificate".to_owned(),
        AlertDescription::CertificateRequired => "certificate required".to_owned(),
        AlertDescription::CertificateExpired => "expired certificate".to_owned(),
        AlertDescription::CertificateRevoked => "revoked certificate".to_owned(),
        AlertDescription::CertificateUnknown => "unknown certificate".to_owned(),
        AlertDescription::UnknownCA => "unknown certificate authority".to_owned(),
        AlertDescription::HandshakeFailure => "handshake failure".to_owned(),
        AlertDescription::ProtocolVersion => "protocol version not supported".to_owned(),
        AlertDescription::UnsupportedCertificate => "unsupported certificate".to_owned(),
        AlertDescription::DecryptError => "error decrypting message".to_owned(),
        AlertDescription::DecodeError => "error decoding message".to_owned(),
        AlertDescription::NoApplicationProtocol => "no application protocol".to_owned(),
        AlertDescription::AccessDenied => "access denied".to_owned(),
        AlertDescription::InternalError => "internal error".to_owned(),
        other => format!("{other:?}"),
    }
}
