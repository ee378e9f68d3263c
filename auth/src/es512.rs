//! `ES512`: the one method of signing that the JWT library does not have, because ring has no P-521.
//!
//! It is ECDSA over that curve with SHA-512, the signature as two numbers of 66 bytes one after the other, in the usual
//! three parts of a token.

use crate::{JwtError, JwtOptions};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use p521::{
    PublicKey, SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer, Verifier},
    },
    pkcs8::{DecodePrivateKey, DecodePublicKey},
};
use serde_json::{Value, json};

/// The keys.
pub(crate) struct Es512 {
    signing: Option<SigningKey>,
    verifying: VerifyingKey,
}

fn bad(error: impl std::fmt::Display) -> JwtError {
    JwtError::Key(error.to_string())
}

fn text(pem: &[u8]) -> Result<&str, JwtError> {
    std::str::from_utf8(pem).map_err(bad)
}

/// A private key in either of its two forms.
fn private(pem: &[u8]) -> Result<SecretKey, JwtError> {
    let pem = text(pem)?;
    SecretKey::from_pkcs8_pem(pem).or_else(|error| SecretKey::from_sec1_pem(pem).map_err(|_| bad(error)))
}

fn public(pem: &[u8]) -> Result<PublicKey, JwtError> {
    PublicKey::from_public_key_pem(text(pem)?).map_err(bad)
}

impl Es512 {
    pub(crate) fn read(options: &JwtOptions) -> Result<Self, JwtError> {
        let public = options.public_key.as_deref().map(public).transpose()?;
        let private = options.private_key.as_deref().map(private).transpose()?;
        let (signing, known) = match (private, public) {
            (None, None) => return Err(JwtError::Missing),
            (None, Some(public)) => (None, public),
            (Some(private), given) => {
                let own = private.public_key();
                if given.is_some_and(|given| given != own) {
                    return Err(JwtError::Mismatch);
                }
                (Some(SigningKey::from(&private)), own)
            }
        };
        Ok(Es512 { signing, verifying: VerifyingKey::from(&known) })
    }

    pub(crate) fn sign(&self, claims: &Value) -> Result<String, JwtError> {
        let key = self.signing.as_ref().ok_or(JwtError::VerifyOnly)?;
        let [head, claims] =
            [&json!({ "typ": "JWT", "alg": "ES512" }), claims].map(|part| BASE64.encode(part.to_string()));
        let said = format!("{head}.{claims}");
        let signature: Signature = key.sign(said.as_bytes());
        Ok(format!("{said}.{}", BASE64.encode(signature.to_bytes())))
    }

    /// What a token says, if it is signed with our key.
    pub(crate) fn claims(&self, token: &str) -> Option<Value> {
        let (said, signature) = token.rsplit_once('.')?;
        let (head, claims) = said.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        if json(head)?.get("alg")?.as_str()? != "ES512" {
            return None;
        }
        let signature = Signature::from_slice(&BASE64.decode(signature).ok()?).ok()?;
        self.verifying.verify(said.as_bytes(), &signature).ok()?;
        json(claims)
    }
}
