//! A proxy that speaks the API.
//!
//! ```text
//!   clients -> Routes -> Kv       reads and writes, with a cache of answers to serializable reads
//!                     -> Watches  many watchers of the same keys, one watch at the members
//!                     -> Members  the list of members: this proxy and its likes
//!                     -> forward  everything else, byte for byte
//! ```
//!
//! Whatever a client shows (a token, a wish for a leader) goes with each of its requests, so members judge what it may do.

mod cache;
mod forward;
mod frame;
mod kv;
mod members;
mod metrics;
mod options;
mod pages;
mod register;
mod routes;
mod upstream;
mod watch;

pub use options::Options;

use crate::listen::Listener;
use metrics::Metrics;
use oxetcd_tls::{ServerTls, TlsOptions, self_signed};
use routes::Routes;
use std::{io, net::SocketAddr, sync::Arc};
use upstream::Upstream;

/// A proxy that listens.
pub struct Proxy {
    listener: Listener,
    metrics_listener: Option<Listener>,
    routes: Arc<Routes>,
    options: Options,
}

impl Proxy {
    /// Finds the members and begins to listen. Nothing is asked of the members yet.
    ///
    /// # Errors
    /// When there is no member, a file cannot be used, or an address is taken.
    pub async fn bind(options: Options) -> Result<Proxy, String> {
        let tls = clients_tls(&options)?;
        let upstream = Upstream::connect(&options).await?;
        let listener = Listener::bind(&options.listen, tls.clone()).await?;
        tracing::info!(address = options.listen, "listening for gRPC proxy client requests");
        let metrics_listener = match &options.metrics {
            None => None,
            Some(url) => {
                let address = url.split_once("://").map_or(url.as_str(), |(_, address)| address);
                let tls = tls.filter(|_| !url.starts_with("http://"));
                Some(Listener::bind(address.trim_end_matches('/'), tls).await?)
            }
        };
        let metrics = Arc::new(Metrics::new());
        let routes = Arc::new(Routes::new(upstream, metrics, &options));
        Ok(Proxy { listener, metrics_listener, routes, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves clients, until dropped.
    pub async fn run(self) {
        let Proxy { listener, metrics_listener, routes, options } = self;
        tracing::info!(address = options.listen, "started gRPC proxy");
        let upstream = routes.upstream().clone();
        let all = routes.clone();
        let serve = listener.serve(options.limits, move |request| {
            let routes = all.clone();
            async move { routes.answer(request).await }
        });
        let pages = async {
            let Some(listener) = metrics_listener else { return };
            let answer = move |request| {
                let routes = routes.clone();
                async move { routes.page(request).await }
            };
            listener.serve(options.limits, answer).await;
        };
        let follow = upstream.follow(options.auto_sync);
        let register = register::keep_registered(&upstream, &options);
        tokio::join!(serve, pages, follow, register);
    }
}

/// TLS towards clients, with a certificate made here if that is asked for.
fn clients_tls(options: &Options) -> Result<Option<Arc<ServerTls>>, String> {
    let text = |error: oxetcd_tls::TlsError| error.to_string();
    let tls = match (&options.clients_tls, &options.self_signed) {
        (Some(tls), _) => tls.clone(),
        (None, None) => return Ok(None),
        (None, Some((dir, years))) => {
            let host = options.listen.rsplit_once(':').map_or(options.listen.as_str(), |(host, _)| host);
            let hosts = [host.trim_start_matches('[').trim_end_matches(']').to_owned()];
            let (cert, key) = self_signed(dir, &hosts, *years).map_err(text)?;
            TlsOptions { cert_file: Some(cert), key_file: Some(key), ..TlsOptions::default() }
        }
    };
    Ok(Some(Arc::new(ServerTls::new(tls).map_err(text)?)))
}
