//! Everything about logins that a member keeps beside the replicated state.

use super::{TokenOptions, passwords::Passwords, tokens::Tokens};
use crate::{config::Config, metrics::QueueMetrics};
use oxetcd_auth::{Caller, JwtError};
use oxetcd_machine::AuthChange;
use rand::Rng;
use std::time::Duration;
use tokio::sync::watch;

/// Letters of a simple token.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LENGTH: usize = 16;
/// bcrypt's bounds, and what counts beyond them.
const COSTS: std::ops::RangeInclusive<u64> = 4..=31;
const DEFAULT_COST: u32 = 10;

/// Tokens, passwords, and who is to hear when rights change.
pub(crate) struct Logins {
    tokens: Tokens,
    passwords: Passwords,
    certificates: bool,
    changes: watch::Sender<u64>,
}

impl Logins {
    /// # Errors
    /// When the options of tokens, or the keys that they name, cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Logins, String> {
        let options: TokenOptions = config.auth.token.parse()?;
        let cost = config.auth.bcrypt_cost;
        let cost = if COSTS.contains(&cost) { cost as u32 } else { DEFAULT_COST };
        let ttl = Some(config.auth.token_ttl).filter(|ttl| !ttl.is_zero());
        Ok(Logins {
            tokens: Tokens::new(&options, ttl.unwrap_or(Duration::from_secs(300)))?,
            passwords: Passwords::new(cost),
            certificates: config.security.client.options.client_cert_auth,
            changes: watch::Sender::new(0),
        })
    }

    /// Whether a certificate's common name is a user.
    pub(crate) fn trusts_certificates(&self) -> bool {
        self.certificates
    }

    pub(crate) fn are_simple(&self) -> bool {
        matches!(self.tokens, Tokens::Simple(_))
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Whom `token` stands for.
    pub(crate) fn caller(&self, token: &str, revision: u64, now_ms: u64) -> Option<Caller> {
        self.tokens.caller(token, revision, now_ms)
    }

    /// Letters for the simple token of a login; none for other tokens.
    pub(crate) fn letters(&self) -> String {
        if !self.are_simple() {
            return String::new();
        }
        let mut random = rand::rng();
        (0..LENGTH).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
    }

    /// The token of a login that was applied.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub(crate) fn issue(&self, user: &str, simple: String, revision: u64) -> Result<String, JwtError> {
        self.tokens.issue(user, simple, revision)
    }

    /// Takes note of what was applied, before anybody can see that it was.
    pub(crate) fn applied(&self, change: AuthChange, revision: u64, now_ms: u64) {
        let simple = match &self.tokens {
            Tokens::Simple(tokens) => Some(tokens),
            _ => None,
        };
        match (change, simple) {
            (AuthChange::Login { user, token }, Some(tokens)) => return tokens.assign(token, &user, now_ms),
            (AuthChange::Login { .. }, None) => return,
            (AuthChange::User(user), Some(tokens)) => tokens.forget(&user),
            (AuthChange::Disabled, Some(tokens)) => tokens.clear(),
            _ => {}
        }
        self.changes.send_replace(revision);
    }

    /// Another state has taken the place of the old one: rights may be others.
    pub(crate) fn replaced(&self, revision: u64) {
        self.changes.send_replace(revision);
    }

    /// Tells whenever rights have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Reads keys anew if they have changed, and drops tokens that have expired. It may read from disk.
    pub(crate) fn tidy(&self, now_ms: u64, counted: &QueueMetrics) {
        self.tokens.reload(counted);
        if let Tokens::Simple(tokens) = &self.tokens {
            tokens.sweep(now_ms);
        }
    }
}
