//! The side that calls.

use crate::{
    TlsError, TlsOptions, load,
    reload::Reloading,
    rules::Rules,
    spoken::{ClientStream, reworded},
    suites::{provider, versions},
    verify::Servers,
};
use rustls::{ClientConfig, client::Resumption, pki_types::ServerName};
use std::{fmt, io, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// What is to be spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC: HTTP/2 is offered.
    Grpc,
    /// HTTP/1.1. Nothing is offered: Go's members name HTTP/2 alone, and speak HTTP/1.1 with those who ask for nothing.
    Http1,
}

/// Makes encrypted connections.
pub struct ClientTls {
    config: Reloading<ClientConfig>,
    server_name: Option<String>,
}

impl ClientTls {
    /// # Errors
    /// When the files or the settings cannot be used.
    pub fn new(options: TlsOptions, protocol: Protocol) -> Result<ClientTls, TlsError> {
        let server_name = options.server_name.clone();
        let own = match options.client_cert_file {
            Some(_) => [&options.client_cert_file, &options.client_key_file],
            None => [&options.cert_file, &options.key_file],
        };
        let files = own.into_iter().chain([&options.trusted_ca_file, &options.crl_file]);
        let files = files.flatten().cloned().collect();
        let config = Reloading::new(files, Box::new(move || config(&options, protocol)))?;
        Ok(ClientTls { config, server_name })
    }

    /// Shakes hands with the server of this name, `host` or `host:port`. The caller limits the time. Whether the server
    /// takes our certificate may turn out at the first read only: in TLS 1.3 it looks at it last.
    ///
    /// # Errors
    /// When the server cannot be trusted, does not trust us, or speaks something else; in Go's words.
    pub async fn connect<S>(&self, stream: S, server: &str) -> io::Result<ClientStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let host = self.server_name.as_deref().unwrap_or_else(|| host(server));
        // The name of a socket file need not be one of a host.
        let name = ServerName::try_from(host.to_owned()).or_else(|_| ServerName::try_from("localhost"));
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connected = TlsConnector::from(self.config.get()).connect(name, stream).await;
        connected.map(ClientStream).map_err(reworded)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// The host of `host:port`, `[v6]:port` or `host`.
fn host(server: &str) -> &str {
    if let Some(rest) = server.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => server,
    }
}

fn config(options: &TlsOptions, protocol: Protocol) -> Result<ClientConfig, TlsError> {
    let provider = provider(options)?;
    let trusted = match &options.trusted_ca_file {
        Some(path) => Some(load::authorities(path)?),
        None => Some(load::system_authorities()),
    };
    let trusted = trusted.filter(|_| !options.insecure_skip_verify);
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(options));
    let builder = builder.map_err(|error| TlsError::Settings(error.to_string()))?;
    let servers = Servers::new(provider, trusted, Rules::load(options)?);
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(servers));
    let own = match (&options.client_cert_file, &options.client_key_file) {
        (None, None) => (&options.cert_file, &options.key_file),
        own => own,
    };
    let mut config = match own {
        (Some(cert), Some(key)) => {
            let pair = load::pair(cert, key)?;
            let bad =
                |error: rustls::Error| TlsError::Content { path: cert.clone(), problem: error.to_string() };
            builder.with_client_auth_cert(pair.chain, pair.key).map_err(bad)?
        }
        (None, None) => builder.with_no_client_auth(),
        (cert, key) => {
            let shown = |path: &Option<std::path::PathBuf>| {
                path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
            };
            return Err(TlsError::HalfPair { key: shown(key), cert: shown(cert) });
        }
    };
    if protocol == Protocol::Grpc {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_are_found() {
        for (server, expected) in [
            ("a:1", "a"),
            ("a", "a"),
            ("[::1]:2", "::1"),
            ("::1", "::1"),
            ("localhost:m1", "localhost:m1"),
            ("", ""),
        ] {
            assert_eq!(host(server), expected, "{server}");
        }
    }
}
