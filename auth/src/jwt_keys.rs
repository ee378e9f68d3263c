//! Keys of JWTs: read from PEM, and the public half of a private one.
//!
//! Whoever has a private key needs no public one, but if both are given they must belong together. That is found
//! out by what it means: a token signed with the one must be accepted by the other.

use crate::JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair,
    },
};
use std::str::FromStr;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwtMethod(pub(crate) Method);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Library(Algorithm),
    Es512,
}

impl FromStr for JwtMethod {
    type Err = JwtError;

    /// Reads the name of the standard: `RS256`, `PS384`, `ES512`, `EdDSA`, `HS512` and so on.
    fn from_str(name: &str) -> Result<Self, JwtError> {
        if name == "ES512" {
            return Ok(JwtMethod(Method::Es512));
        }
        Algorithm::from_str(name).map(Method::Library).map(JwtMethod).map_err(|_| JwtError::Method)
    }
}

/// What tokens are made of.
#[derive(Clone)]
pub struct JwtOptions {
    /// How they are signed.
    pub method: JwtMethod,
    /// Public key as PEM.
    pub public_key: Option<Vec<u8>>,
    /// Private key as PEM; the secret itself for the HS methods.
    pub private_key: Option<Vec<u8>>,
    /// Seconds for which a token is valid.
    pub ttl_s: u64,
}

/// Both halves, as far as they are known.
pub(crate) struct Keys {
    pub(crate) signing: Option<EncodingKey>,
    pub(crate) verifying: DecodingKey,
    /// The public key that was given beside a private one.
    pub(crate) given: Option<DecodingKey>,
}

pub(crate) fn read(algorithm: Algorithm, options: &JwtOptions) -> Result<Keys, JwtError> {
    if is_hmac(algorithm) {
        let secret = options.private_key.as_deref().filter(|key| !key.is_empty()).ok_or(JwtError::Missing)?;
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        return Ok(Keys { signing: Some(signing), verifying, given: None });
    }
    let public = options.public_key.as_deref().map(|pem| public(algorithm, pem)).transpose()?;
    let private = options.private_key.as_deref().map(|pem| private(algorithm, pem)).transpose()?;
    match (private, public) {
        (Some((signing, verifying)), given) => Ok(Keys { signing: Some(signing), verifying, given }),
        (None, Some(verifying)) => Ok(Keys { signing: None, verifying, given: None }),
        (None, None) => Err(JwtError::Missing),
    }
}

fn is_hmac(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

fn bad(error: impl std::fmt::Display) -> JwtError {
    JwtError::Key(error.to_string())
}

fn public(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, JwtError> {
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    }
    .map_err(bad)
}

fn private(algorithm: Algorithm, pem: &[u8]) -> Result<(EncodingKey, DecodingKey), JwtError> {
    let block = pem::parse(pem).map_err(bad)?;
    let der = block.contents();
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => {
            let curve = if algorithm == Algorithm::ES256 { P256 } else { P384 };
            let pkcs8 = if block.tag() == "EC PRIVATE KEY" { wrap(der, curve) } else { der.to_vec() };
            let signing = match algorithm {
                Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
                _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
            };
            let pair = EcdsaKeyPair::from_pkcs8(signing, &pkcs8, &SystemRandom::new()).map_err(bad)?;
            let verifying = DecodingKey::from_ec_der(pair.public_key().as_ref());
            Ok((EncodingKey::from_ec_der(&pkcs8), verifying))
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(bad)?;
            let verifying = DecodingKey::from_ed_der(pair.public_key().as_ref());
            Ok((EncodingKey::from_ed_der(der), verifying))
        }
        _ => {
            let pair = if block.tag() == "RSA PRIVATE KEY" {
                RsaKeyPair::from_der(der)
            } else {
                RsaKeyPair::from_pkcs8(der)
            };
            let parts: PublicKeyComponents<Vec<u8>> = pair.map_err(bad)?.public().into();
            let verifying = DecodingKey::from_rsa_raw_components(&parts.n, &parts.e);
            Ok((EncodingKey::from_rsa_pem(pem).map_err(bad)?, verifying))
        }
    }
}

/// The algorithm of a PKCS#8 key, encoded: an elliptic curve, and which.
const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
const P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22,
];

/// A key in the older form (SEC 1) as PKCS#8, which differs by what is around it.
fn wrap(sec1: &[u8], curve: &[u8]) -> Vec<u8> {
    let version: &[u8] = &[0x02, 0x01, 0x00];
    element(0x30, &[version, curve, &element(0x04, sec1)].concat())
}

/// An element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    let head = match content.len() {
        short @ 0..0x80 => vec![tag, short as u8],
        _ => [&[tag, 0x80 | digits.len() as u8], &digits[..]].concat(),
    };
    [head, content.to_vec()].concat()
}
