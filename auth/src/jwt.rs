//! JSON web tokens: the member that answers a login signs who it was and at which auth revision; any member that
//! has the key believes it.
//!
//! Nothing is kept. So a token cannot be taken back: instead, the revision inside makes it useless for keys as soon
//! as users or roles change.

use crate::{Caller, JwtOptions, es512::Es512, jwt_keys, jwt_keys::Method};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// Why keys or options cannot be used, or a token cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The method of signing is unknown.
    #[error("auth: invalid auth signature method")]
    Method,
    /// Neither key is given.
    #[error("auth: missing key data")]
    Missing,
    /// The two keys are not of one pair.
    #[error("auth: public and private keys don't match")]
    Mismatch,
    /// There is only a public key.
    #[error("auth: token signing attempted with verify-only key")]
    VerifyOnly,
    /// A key is not what the method needs.
    #[error("auth: {0}")]
    Key(String),
}

/// Makes tokens and reads them.
pub struct Jwt {
    keys: Keys,
    ttl_s: u64,
}

enum Keys {
    /// Of a method that the library has.
    Library {
        algorithm: Algorithm,
        signing: Option<EncodingKey>,
        verifying: DecodingKey,
    },
    Es512(Box<Es512>),
}

impl Jwt {
    /// Reads the keys.
    ///
    /// # Errors
    /// When they are missing, of the wrong kind, or not of one pair.
    pub fn new(options: &JwtOptions) -> Result<Self, JwtError> {
        let ttl_s = options.ttl_s;
        let algorithm = match options.method.0 {
            Method::Es512 => return Ok(Jwt { keys: Keys::Es512(Box::new(Es512::read(options)?)), ttl_s }),
            Method::Library(algorithm) => algorithm,
        };
        let jwt_keys::Keys { signing, verifying, given } = jwt_keys::read(algorithm, options)?;
        let jwt = Jwt { keys: Keys::Library { algorithm, signing, verifying }, ttl_s };
        if let Some(given) = given {
            let probe = jwt.sign("", 0, 0)?;
            claims(algorithm, &probe, &given).ok_or(JwtError::Mismatch)?;
        }
        Ok(jwt)
    }

    /// The token of a login at `now_s` (seconds since 1970).
    ///
    /// # Errors
    /// When there is only a public key.
    pub fn sign(&self, user: &str, revision: u64, now_s: u64) -> Result<String, JwtError> {
        let expires_s = now_s.saturating_add(self.ttl_s);
        let claims = json!({ "username": user, "revision": revision, "exp": expires_s });
        match &self.keys {
            Keys::Es512(keys) => keys.sign(&claims),
            Keys::Library { algorithm, signing, .. } => {
                let key = signing.as_ref().ok_or(JwtError::VerifyOnly)?;
                jsonwebtoken::encode(&Header::new(*algorithm), &claims, key)
                    .map_err(|error| JwtError::Key(error.to_string()))
            }
        }
    }

    /// Whom `token` stands for at `now_s`; `None` if it is forged, expired, or not for here.
    pub fn verify(&self, token: &str, now_s: u64) -> Option<Caller> {
        let claims = match &self.keys {
            Keys::Es512(keys) => keys.claims(token)?,
            Keys::Library { algorithm, verifying, .. } => claims(*algorithm, token, verifying)?,
        };
        let second = |name: &str| match claims.get(name) {
            None => Some(None),
            Some(value) => value.as_f64().map(Some),
        };
        let (expires, begins) = (second("exp")?, second("nbf")?);
        if expires.is_some_and(|expires| expires <= now_s as f64)
            || begins.is_some_and(|begins| begins > now_s as f64)
        {
            return None;
        }
        let revision = claims.get("revision")?.as_f64()?;
        Some(Caller::new(claims.get("username")?.as_str()?, revision as u64))
    }
}

/// What a token says, if it is signed so and with this key.
fn claims(algorithm: Algorithm, token: &str, key: &DecodingKey) -> Option<Value> {
    let mut validation = Validation::new(algorithm);
    // Times are looked at by whoever knows what time it is.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, key, &validation).ok().map(|token| token.claims)
}
