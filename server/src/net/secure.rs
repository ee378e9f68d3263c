//! From the configuration to TLS: towards clients, towards members, and in this member's own calls.
//!
//! As with etcd it is the scheme of a URL that asks for TLS; files alone do not.

use super::Dialer;
use crate::{
    config::{Config, TlsConfig, Url},
    metrics::Metrics,
};
use oxetcd_tls::{ClientTls, Protocol, ServerTls, TlsOptions, check_cipher_suites, reloads, self_signed};
use std::{net::IpAddr, sync::Arc};

/// TLS of one member.
pub(crate) struct Secure {
    /// Of listeners for clients, for metrics too.
    pub(crate) client: Option<Arc<ServerTls>>,
    /// Of listeners for members.
    pub(crate) peer: Option<Arc<ServerTls>>,
    /// Of calls to other members.
    pub(crate) dialer: Dialer,
}

impl Secure {
    /// # Errors
    /// When the files or the settings cannot be used; the text says which.
    pub(crate) fn of(config: &Config) -> Result<Secure, String> {
        let (listen, security) = (&config.listen, &config.security);
        // Also when nothing is encrypted: a name that is none is a mistake.
        check_cipher_suites(&security.cipher_suites).map_err(|error| error.to_string())?;
        let client = options(config, &security.client, "client", &listen.client)?;
        let mut peer = options(config, &security.peer, "peer", &listen.peer)?;
        // Members that DNS names are checked for the domain, as with etcd, unless an authority of the cluster vouches for them.
        if peer.trusted_ca_file.is_none() && !config.cluster.discovery.srv.is_empty() {
            peer.server_name = Some(config.cluster.discovery.srv.clone());
        }
        warn_of_plain(&listen.peer, &peer, "--peer-client-cert-auth");
        let clients = listen.client.iter().chain(&listen.client_http).cloned().collect::<Vec<_>>();
        warn_of_plain(&clients, &client, "--client-cert-auth");
        if let (true, Some(url)) = (client.is_empty(), clients.iter().find(|url| url.is_tls())) {
            return Err(format!(
                "TLS key/cert (--cert-file, --key-file) must be provided for client url {url} with HTTPS scheme"
            ));
        }
        if client.is_empty() && listen.metrics.iter().any(Url::is_tls) {
            return Err(
                "client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url"
                    .to_owned(),
            );
        }
        let text = |error: oxetcd_tls::TlsError| error.to_string();
        // Files that no listener needs are not even looked at.
        let server = |options: &TlsOptions, encrypted: bool| -> Result<_, String> {
            let tls = (encrypted && !options.is_empty()).then(|| ServerTls::new(options.clone()));
            Ok(tls.transpose().map_err(text)?.map(Arc::new))
        };
        let (to_clients, to_members) =
            (clients.iter().chain(&listen.metrics).any(Url::is_tls), listen.peer.iter().any(Url::is_tls));
        let needed = !peer.is_empty() || config.cluster.advertise_peer.iter().any(Url::is_tls);
        let calls = needed.then(|| ClientTls::new(peer.clone(), Protocol::Http1));
        let dialer =
            Dialer { tls: calls.transpose().map_err(text)?.map(Arc::new), local: local_address(config) };
        Ok(Secure { client: server(&client, to_clients)?, peer: server(&peer, to_members)?, dialer })
    }
}

/// The address that other members are called from: the first of those under which they reach this one, if
/// `SetMemberLocalAddr` is on. Members that check addresses against certificates need that on hosts with several.
fn local_address(config: &Config) -> Option<IpAddr> {
    if !config.features.enabled("SetMemberLocalAddr") {
        return None;
    }
    let addresses = config.cluster.advertise_peer.iter().filter_map(|url| url.host().parse::<IpAddr>().ok());
    let local = addresses.into_iter().find(|address| !address.is_loopback() && !address.is_unspecified());
    match local {
        Some(local) => tracing::info!(LocalAddr = %local, "setting member local address"),
        None => {
            tracing::warn!("unable to set a member local address due to lack of suitable local addresses")
        }
    }
    local
}

/// What one kind of listener is told. Certificates are made if that is asked for.
fn options(config: &Config, tls: &TlsConfig, kind: &str, urls: &[Url]) -> Result<TlsOptions, String> {
    let security = &config.security;
    let mut options = tls.options.clone();
    if tls.auto_tls && !options.is_empty() {
        tracing::warn!("ignoring {kind} auto TLS since certs given");
    } else if tls.auto_tls {
        let dir = config.member.data_dir.join("fixtures").join(kind);
        let hosts: Vec<String> = urls.iter().map(|url| url.host().to_owned()).collect();
        let made = self_signed(&dir, &hosts, security.self_signed_years);
        let (cert, key) = made.map_err(|error| error.to_string())?;
        // As with etcd everybody may call then, and nobody is checked who is called.
        options = TlsOptions {
            cert_file: Some(cert),
            key_file: Some(key),
            insecure_skip_verify: true,
            cipher_suites: options.cipher_suites,
            min_version: options.min_version,
            max_version: options.max_version,
            ..TlsOptions::default()
        };
    }
    Ok(options)
}

/// An operator who gave certificates probably did not mean to speak without them.
fn warn_of_plain(urls: &[Url], options: &TlsOptions, auth: &str) {
    for url in urls.iter().filter(|url| !url.is_tls()) {
        if !options.is_empty() {
            tracing::warn!(
                %url,
                "scheme is http or unix while key and cert files are present; ignoring key and cert files"
            );
        }
        if options.client_cert_auth {
            tracing::warn!(
                %url,
                "scheme is http or unix while {auth} is enabled; ignoring client cert auth for this URL"
            );
        }
    }
}

/// Shows how often changed files were read.
pub(crate) fn count_reloads(metrics: &Metrics) {
    metrics.on_scrape(|metrics| {
        let (now, queues) = (reloads(), &metrics.queues);
        for (counter, value) in [(&queues.tls_reloads, now.done), (&queues.tls_reload_failures, now.failed)] {
            counter.inc_by(value.saturating_sub(counter.get()));
        }
    });
}
