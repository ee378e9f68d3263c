//! Judges certificates: the library's check of the chain, then the [`Rules`].
//!
//! A certificate that itself stands among the authorities is trusted as it is, as Go does. The library refuses those
//! that call themselves authorities, which is what most recipes for self-signed certificates make.

use crate::{certificate, load::Authorities, rules::Rules};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::sync::Arc;

/// Judges callers.
#[derive(Debug)]
pub(crate) struct Callers {
    pub(crate) chain: Arc<dyn ClientCertVerifier>,
    pub(crate) trusted: Vec<CertificateDer<'static>>,
    pub(crate) rules: Rules,
}

impl ClientCertVerifier for Callers {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = match self.chain.verify_client_cert(end, chain, now) {
            Err(error) if stands_for_itself(&error) && self.trusted.contains(end) => {
                in_time(end, now)?;
                ClientCertVerified::assertion()
            }
            verified => verified?,
        };
        self.rules.check(end, chain)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Judges servers.
#[derive(Debug)]
pub(crate) struct Servers {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    rules: Rules,
}

#[derive(Debug)]
enum Trust {
    /// Whoever answers.
    Anybody,
    /// There are no authorities.
    Nobody,
    Chain(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
}

impl Servers {
    /// Without authorities anybody is trusted.
    pub(crate) fn new(provider: Arc<CryptoProvider>, trusted: Option<Authorities>, rules: Rules) -> Servers {
        let trust = match trusted {
            None => Trust::Anybody,
            Some(Authorities { store, certificates }) => {
                let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
                chain.build().map_or(Trust::Nobody, |chain| Trust::Chain(chain, certificates))
            }
        };
        Servers { provider, trust, rules }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Anybody => {}
            Trust::Nobody => return Err(CertificateError::UnknownIssuer.into()),
            Trust::Chain(verifier, trusted) => {
                match verifier.verify_server_cert(end, chain, name, ocsp, now) {
                    Err(error) if stands_for_itself(&error) && trusted.contains(end) => {
                        in_time(end, now)?;
                        verify_server_name(&ParsedCertificate::try_from(end)?, name)?;
                    }
                    verified => {
                        verified?;
                    }
                }
            }
        }
        self.rules.check(end, chain)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the chain was refused only for having no length.
fn stands_for_itself(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.to_string().contains("CaUsedAsEndEntity")
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        _ => false,
    }
}

fn in_time(end: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (from, to) = certificate::read(end).ok_or(CertificateError::BadEncoding)?.valid_s;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match now {
        now if now < from => Err(CertificateError::NotValidYet.into()),
        now if now > to => Err(CertificateError::Expired.into()),
        _ => Ok(()),
    }
}
