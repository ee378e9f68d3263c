//! The service, and how it is talked to.

use crate::DiscoveryError;
use oxetcd_client::{Client, Config, Credentials, FileTls, TlsOptions};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// A discovery service and the name of a cluster in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Service {
    /// Addresses of the service's members.
    pub endpoints: Vec<String>,
    /// The new cluster's name there; each is good for one cluster.
    pub token: String,
    /// Longest wait for an answer.
    pub request_timeout: Duration,
    /// Longest wait for a login.
    pub dial_timeout: Duration,
    /// Silence after which a connection is asked for a sign of life; zero for never.
    pub keep_alive_time: Duration,
    /// Longest wait for that.
    pub keep_alive_timeout: Duration,
    /// User to log in as; empty for nobody. A password may stand behind a colon.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Encryption.
    pub security: Security,
}

/// Encryption towards the service. Any file asks for it, whatever `insecure_transport` says; so it is with etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Certificate to show.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// Authorities that vouch for the service.
    pub trusted_ca_file: Option<PathBuf>,
    /// Whether to talk without encryption when no file is given.
    pub insecure_transport: bool,
    /// Whether any certificate of the service is taken.
    pub insecure_skip_verify: bool,
}

impl Service {
    /// A service without encryption, with etcd's times.
    pub fn new<E: Into<String>>(endpoints: impl IntoIterator<Item = E>, token: impl Into<String>) -> Self {
        Service {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            token: token.into(),
            request_timeout: Duration::from_secs(5),
            dial_timeout: Duration::from_secs(2),
            keep_alive_time: Duration::from_secs(2),
            keep_alive_timeout: Duration::from_secs(6),
            user: String::new(),
            password: String::new(),
            security: Security {
                cert_file: None,
                key_file: None,
                trusted_ca_file: None,
                insecure_transport: true,
                insecure_skip_verify: false,
            },
        }
    }

    /// A client of it.
    pub(crate) async fn client(&self) -> Result<Client, DiscoveryError> {
        let mut config = Config::new(self.endpoints.iter().cloned());
        config.dial_timeout = Some(self.dial_timeout);
        config.keep_alive_time = Some(self.keep_alive_time).filter(|time| !time.is_zero());
        config.keep_alive_timeout = self.keep_alive_timeout;
        if !self.user.is_empty() {
            let (user, password) = match self.user.split_once(':') {
                Some((user, password)) if self.password.is_empty() => (user, password),
                _ => (self.user.as_str(), self.password.as_str()),
            };
            config.credentials =
                Some(Credentials::Password { user: user.to_owned(), password: password.to_owned() });
        }
        if let Some(options) = self.security.options() {
            config.tls = Some(Arc::new(FileTls::new(options)?));
        }
        Ok(Client::connect(config).await?)
    }
}

impl fmt::Debug for Service {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("endpoints", &self.endpoints)
            .field("token", &self.token)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl Security {
    fn options(&self) -> Option<TlsOptions> {
        let files = [&self.cert_file, &self.key_file, &self.trusted_ca_file];
        if self.insecure_transport && files.into_iter().all(Option::is_none) {
            return None;
        }
        Some(TlsOptions {
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            trusted_ca_file: self.trusted_ca_file.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
            ..TlsOptions::default()
        })
    }
}
