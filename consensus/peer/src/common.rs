//! What all parts of the transport share.

use crate::{
    connect::{Connect, PlainConnector},
    headers,
    host::PeerHost,
    stream,
};
use http::{HeaderMap, HeaderValue};
use std::{sync::Arc, time::Duration};

/// Who this member is, and how it reaches others.
pub struct PeerConfig {
    /// The member.
    pub id: u64,
    /// Its cluster. Members of another one are refused.
    pub cluster_id: u64,
    /// Where it listens for its peers. Told to members that do not know it yet.
    pub peer_urls: Vec<String>,
    /// The version of the reference that it stands for, `3.7.1`.
    pub server_version: String,
    /// How long connecting may take.
    pub dial_timeout: Duration,
    /// Silence after which a stream of a peer counts as dead. Peers send a sign of life every 1.7 s.
    pub read_timeout: Duration,
    /// How long a peer may take nothing before its stream counts as dead.
    pub write_timeout: Duration,
    /// Makes connections.
    pub connector: Arc<dyn Connect>,
}

impl PeerConfig {
    /// With unencrypted connections, and the time that the reference takes for dialing with its usual
    /// election timeout.
    pub fn new(id: u64, cluster_id: u64, peer_urls: Vec<String>, server_version: &str) -> PeerConfig {
        PeerConfig {
            id,
            cluster_id,
            peer_urls,
            server_version: server_version.to_owned(),
            dial_timeout: Duration::from_secs(2),
            read_timeout: stream::LEAST_READ_TIMEOUT,
            write_timeout: Duration::from_secs(5),
            connector: Arc::new(PlainConnector),
        }
    }
}

/// The configuration, made ready for use, and the member.
pub(crate) struct Common {
    pub(crate) id: u64,
    pub(crate) cluster_id: u64,
    pub(crate) server_version: headers::Version,
    pub(crate) dial_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) connector: Arc<dyn Connect>,
    pub(crate) host: Arc<dyn PeerHost>,
    /// Headers of every request.
    headers: HeaderMap,
    pub(crate) server_version_value: HeaderValue,
    pub(crate) cluster_id_value: HeaderValue,
}

impl Common {
    pub(crate) fn new(config: PeerConfig, host: Arc<dyn PeerHost>) -> Common {
        let visible = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        let server_version_value = visible(&config.server_version);
        let cluster_id_value = headers::id_value(config.cluster_id);
        let mut all = HeaderMap::new();
        all.insert(headers::SERVER_FROM, headers::id_value(config.id));
        all.insert(headers::SERVER_VERSION, server_version_value.clone());
        all.insert(headers::MIN_CLUSTER_VERSION, HeaderValue::from_static(headers::OLDEST_CLUSTER));
        all.insert(headers::CLUSTER_ID, cluster_id_value.clone());
        all.insert(headers::READS_V2, HeaderValue::from_static("true"));
        all.insert(headers::PEER_URLS, visible(&config.peer_urls.join(",")));
        Common {
            id: config.id,
            cluster_id: config.cluster_id,
            server_version: headers::parse_version(&config.server_version).unwrap_or((3, 0)),
            dial_timeout: config.dial_timeout,
            read_timeout: config.read_timeout.max(stream::LEAST_READ_TIMEOUT),
            write_timeout: config.write_timeout,
            connector: config.connector,
            host,
            headers: all,
            server_version_value,
            cluster_id_value,
        }
    }

    /// Headers that say who asks.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }
}
