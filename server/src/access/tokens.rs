//! The tokens of this member: simple ones or signed ones.
//!
//! The keys of signed ones are read anew when their files change: tokens of the old keys are worth nothing from then on. Files that
//! cannot be used, half written perhaps, leave the old keys in force, and are logged and counted once for each state that
//! they are found in.

use super::TokenOptions;
use crate::metrics::QueueMetrics;
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
    /// Contents of the files at the last look, or why there were none.
    seen: parking_lot::Mutex<Result<Files, String>>,
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
                    seen: parking_lot::Mutex::new(Ok(files)),
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
    pub(crate) fn reload(&self, counted: &QueueMetrics) {
        if let Tokens::Jwt(signed) = self {
            signed.reload(counted);
        }
    }
}

impl Signed {
    fn reload(&self, counted: &QueueMetrics) {
        let mut seen = self.seen.lock();
        let files = read(self.public_key.as_deref())
            .and_then(|public| Ok((public, read(self.private_key.as_deref())?)));
        if files == *seen {
            return;
        }
        let jwt = files.as_ref().map_err(Clone::clone);
        let jwt = jwt.and_then(|files| make(self.method, self.ttl, files).map_err(|error| error.to_string()));
        match jwt {
            Ok(jwt) => {
                self.jwt.store(jwt.into());
                counted.jwt_key_reloads.inc();
                tracing::info!("JWT keys were read again");
            }
            Err(error) => {
                counted.jwt_key_reload_failures.inc();
                tracing::warn!(error, "JWT keys cannot be used; the former ones stay in force");
            }
        }
        *seen = files;
    }
}

fn make(method: JwtMethod, ttl: Duration, files: &Files) -> Result<Jwt, JwtError> {
    let (public_key, private_key) = files.clone();
    Jwt::new(&JwtOptions { method, public_key, private_key, ttl_s: ttl.as_secs() })
}
