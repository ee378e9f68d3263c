//! What a client needs to know before it connects.

use crate::TlsConnector;
use std::{fmt, sync::Arc, time::Duration};

/// Largest request that is sent by default, in bytes: a little above the server's own default limit.
const DEFAULT_MAX_SEND_BYTES: usize = 2 * 1024 * 1024;

/// How a client proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and its password, which are exchanged for a token; the token is renewed when it runs out.
    Password {
        /// Name of the user.
        user: String,
        /// Its password.
        password: String,
    },
    /// A token that was obtained elsewhere, sent as it is and never renewed.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Password { user, .. } => write!(f, "Password({user}, ***)"),
            Credentials::Token(_) => f.write_str("Token(***)"),
        }
    }
}

/// Settings of a [`Client`](crate::Client). Make one with [`Config::new`] and change its fields.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Addresses of members: `host:port`, `http://host:port`, `https://host:port`, `unix:path` or `unixs:path`.
    pub endpoints: Vec<String>,
    /// How long the first exchange of credentials may take; `None` waits for ever.
    pub dial_timeout: Option<Duration>,
    /// How often a quiet connection with calls in flight is checked; `None` never. Not under 10 seconds: servers
    /// close connections that are checked more often.
    pub keep_alive_time: Option<Duration>,
    /// How long the answer to such a check may take before the connection counts as dead.
    pub keep_alive_timeout: Duration,
    /// How often the cluster is asked for its members, whose addresses then take the place of `endpoints`; `None` never.
    pub auto_sync_interval: Option<Duration>,
    /// Largest request in bytes that is sent.
    pub max_send_bytes: usize,
    /// Largest answer in bytes that is accepted.
    pub max_receive_bytes: usize,
    /// Who we are; `None` for a cluster without authentication.
    pub credentials: Option<Credentials>,
    /// Encrypts connections to `https` and `unixs` endpoints, and to endpoints without a scheme.
    pub tls: Option<Arc<dyn TlsConnector>>,
}

impl Config {
    /// The default settings for a cluster with these endpoints.
    pub fn new<E: Into<String>>(endpoints: impl IntoIterator<Item = E>) -> Self {
        Config {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            dial_timeout: None,
            keep_alive_time: None,
            keep_alive_timeout: Duration::from_secs(6),
            auto_sync_interval: None,
            max_send_bytes: DEFAULT_MAX_SEND_BYTES,
            max_receive_bytes: i32::MAX as usize,
            credentials: None,
            tls: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoints", &self.endpoints)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
