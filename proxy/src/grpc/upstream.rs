//! The cluster behind the proxy.

use super::Options;
use oxetcd_client::{Client, Config, Error, FileTls, Namespace};
use std::{sync::Arc, time::Duration};
use tonic::{Status, metadata::MetadataMap};

/// Longest wait for a connection before a call is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The members, as clients of the proxy may see them.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client,
    namespace: Arc<str>,
}

impl Upstream {
    pub(crate) async fn connect(options: &Options) -> Result<Upstream, String> {
        let trusted = options.members_tls.as_ref().and_then(|tls| tls.trusted_ca_file.as_deref());
        let places = options.srv.places(trusted, options.insecure_discovery).await?;
        let found = places
            .iter()
            .map(|(scheme, place)| format!("{scheme}://{}:{}", place.host.trim_end_matches('.'), place.port));
        let mut endpoints: Vec<String> = found.collect();
        if endpoints.is_empty() {
            endpoints.clone_from(&options.endpoints);
        }
        let mut config = Config::new(endpoints);
        config.keep_alive_time = options.keep_alive_time;
        config.keep_alive_timeout = options.keep_alive_timeout;
        config.max_send_bytes = options.max_send_bytes;
        config.max_receive_bytes = options.max_receive_bytes;
        if let Some(tls) = &options.members_tls {
            config.tls = Some(Arc::new(FileTls::new(tls.clone()).map_err(|error| error.to_string())?));
        }
        let client = Client::connect(config).await.map_err(|error| error.to_string())?;
        let client = if options.ordered { client.ordered() } else { client };
        let client = client.with_connect_timeout(CONNECT_TIMEOUT);
        Ok(Upstream { client, namespace: options.namespace.as_str().into() })
    }

    /// The members, asked for the proxy itself.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The keys that clients see, asked for the proxy itself.
    pub(crate) fn keys(&self) -> Namespace {
        self.client.namespace(self.namespace.as_bytes())
    }

    /// The keys that clients see, asked for one that shows `metadata`.
    pub(crate) fn keys_for(&self, metadata: &MetadataMap) -> Namespace {
        self.client_for(metadata).namespace(self.namespace.as_bytes())
    }

    /// The members, asked for one that shows `metadata`.
    pub(crate) fn client_for(&self, metadata: &MetadataMap) -> Client {
        let client = match token(metadata) {
            Some(token) => self.client.with_token(token.clone()),
            None => self.client.clone(),
        };
        if wants_leader(metadata) { client.require_leader() } else { client }
    }

    /// Whether clients see a part of the keys only.
    pub(crate) fn is_part(&self) -> bool {
        !self.namespace.is_empty()
    }

    /// Follows the members, if that is wanted.
    pub(crate) async fn follow(&self, interval: Option<Duration>) {
        let Some(interval) = interval else { return };
        loop {
            tokio::time::sleep(interval).await;
            let before = self.client.endpoints();
            match self.client.with_timeout(Duration::from_secs(5)).sync().await {
                Err(error) => tracing::warn!(%error, "auto sync endpoints failed"),
                Ok(()) => {
                    let endpoints = self.client.endpoints();
                    if endpoints != before {
                        tracing::info!(?endpoints, "the members have changed");
                    }
                }
            }
        }
    }
}

/// What a client shows for itself, by either of its names.
pub(crate) fn token(metadata: &MetadataMap) -> Option<&tonic::metadata::AsciiMetadataValue> {
    metadata.get("token").or_else(|| metadata.get("authorization"))
}

/// Whether a client wants no answers of a member without a leader.
pub(crate) fn wants_leader(metadata: &MetadataMap) -> bool {
    metadata.get("hasleader").is_some_and(|value| value == "true")
}

/// An error of a member, as it is to be passed on.
pub(crate) fn status(error: &Error) -> Status {
    Status::new(error.code(), error.message())
}
