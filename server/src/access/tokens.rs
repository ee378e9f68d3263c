//! The tokens of this member: simple ones or signed ones.
//!
//! The keys of signed ones are read anew when their files change. A file that cannot be used leaves the old keys in
//! force.

use super::TokenOptions;
use arc_swap::ArcSwap;
use oxetcd_auth::{Caller, Jwt, JwtError, JwtMethod, JwtOptions, SimpleTokens};
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub(crate) enum Tokens {
    Simple(SimpleTokens),
    Jwt(Box<Signed>),
    None,
}

/// Signed tokens, and where their keys come from.
pub(crate) struct Signed {
    method: JwtMethod,
    public_key: Option<PathBuf>,
    private_key: Option<PathBuf>,
    ttl: Duration,
    jwt: ArcSwap<Jwt>,
    /// Contents of the files at the last look.
    seen: parking_lot::Mutex<Files>,
}

type Files = (Option<Vec<u8>>, Option<Vec<u8>>);

fn read(path: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    path.map(|path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))).transpose()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Tokens {
    /// # Errors
    /// When keys are missing or cannot be used.
    pub(crate) fn new(options: &TokenOptions, simple_ttl: Duration) -> Result<Tokens, String> {
        match options {
            TokenOptions::None => Ok(Tokens::None),
            TokenOptions::Simple => Ok(Tokens::Simple(SimpleTokens::new(simple_ttl.as_millis() as u64))),
            TokenOptions::Jwt { method, public_key, private_key, ttl } => {
                let files = (read(public_key.as_deref())?, read(private_key.as_deref())?);
                let jwt = make(*method, *ttl, &files).map_err(|error| error.to_string())?;
                Ok(Tokens::Jwt(Box::new(Signed {
                    method: *method,
                    public_key: public_key.clone(),
                    private_key: private_key.clone(),
                    ttl: *ttl,
                    jwt: ArcSwap::from_pointee(jwt),
                    seen: parking_lot::Mutex::new(files),
                })))
            }
        }
    }

    /// Whom `token` stands for. A simple one says nothing of a revision: `revision` is taken then.
    pub(crate) fn caller(&self, token: &str, revision: u64, now_ms: u64) -> Option<Caller> {
        match self {
            Tokens::Simple(tokens) => tokens.user(token, now_ms).map(|user| Caller::new(user, revision)),
            Tokens::Jwt(signed) => signed.jwt.load().verify(token, now_s()),
            Tokens::None => None,
        }
    }

    /// The token of a login that was applied.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub(crate) fn issue(&self, user: &str, simple: String, revision: u64) -> Result<String, JwtError> {
        match self {
            Tokens::Simple(_) => Ok(simple),
            Tokens::Jwt(signed) => signed.jwt.load().sign(user, revision, now_s()),
            Tokens::None => Ok(String::new()),
        }
    }

    /// Looks whether the files of keys have changed. It reads from disk.
    pub(crate) fn reload(&self) {
        let Tokens::Jwt(signed) = self else { return };
        let mut seen = signed.seen.lock();
        let files = match (read(signed.public_key.as_deref()), read(signed.private_key.as_deref())) {
            (Ok(public), Ok(private)) => (public, private),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(error, "the keys of JWTs cannot be read; the old ones stay");
                return;
            }
        };
        if files == *seen {
            return;
        }
        match make(signed.method, signed.ttl, &files) {
            Ok(jwt) => {
                signed.jwt.store(jwt.into());
                tracing::info!("read new keys of JWTs");
            }
            Err(error) => tracing::warn!(%error, "the new keys of JWTs cannot be used; the old ones stay"),
        }
        *seen = files;
    }
}

fn make(method: JwtMethod, ttl: Duration, files: &Files) -> Result<Jwt, JwtError> {
    let (public_key, private_key) = files.clone();
    Jwt::new(&JwtOptions { method, public_key, private_key, ttl_s: ttl.as_secs() })
}
