//! The side that is called.

use crate::{
    TlsError, TlsOptions, certificate, load,
    reload::Reloading,
    rules::Rules,
    suites::{provider, versions},
    verify::Callers,
    words,
};
use rustls::{
    ServerConfig,
    server::{Acceptor, NoServerSessionStorage, WebPkiClientVerifier},
};
use std::{fmt, io, net::IpAddr, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

/// How long, and for how many bytes, one who is refused is still listened to: a socket closed on bytes that nobody read
/// is reset, and the reason that was sent would be lost.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: u64 = 64 << 10;

/// Accepts encrypted connections.
pub struct ServerTls {
    config: Reloading<ServerConfig>,
    check_address: bool,
    names_users: bool,
}

/// Who called, as far as its certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The subject's common name, if there is one and callers must have a certificate
    /// ([`TlsOptions::client_cert_auth`]): only then etcd takes it for a user's.
    pub common_name: Option<String>,
    /// Whether a certificate was shown, and found good.
    pub has_cert: bool,
}

/// A connection that stands.
pub struct Accepted<S> {
    /// What is read and written in the clear here.
    pub stream: TlsStream<S>,
    /// Who it is.
    pub identity: Identity,
}

/// A connection that does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Why, in Go's words.
    pub error: String,
    /// The name that was called, if it came so far.
    pub server_name: String,
    /// Whether the other side just went away.
    pub is_eof: bool,
}

impl ServerTls {
    /// # Errors
    /// When the files or the settings cannot be used.
    pub fn new(options: TlsOptions) -> Result<ServerTls, TlsError> {
        check(&options)?;
        let files = [&options.cert_file, &options.key_file, &options.trusted_ca_file, &options.crl_file];
        let files = files.into_iter().flatten().cloned().collect();
        let (check_address, names_users) = (options.check_caller_address, options.client_cert_auth);
        let config = Reloading::new(files, Box::new(move || config(&options)))?;
        Ok(ServerTls { config, check_address, names_users })
    }

    /// Shakes hands. The caller limits the time. `from` is the other side's address, if it has one.
    ///
    /// # Errors
    /// When the other side is not trusted, does not trust us, or speaks something else.
    pub async fn accept<S>(&self, stream: S, from: Option<IpAddr>) -> Result<Accepted<S>, Rejected>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let rejected = |error: io::Error, server_name: &str| Rejected {
            error: words::of(&error),
            server_name: server_name.to_owned(),
            is_eof: error.kind() == io::ErrorKind::UnexpectedEof,
        };
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await;
        let begun = begun.map_err(|error| rejected(error, ""))?;
        let server_name = begun.client_hello().server_name().unwrap_or("").to_owned();
        let stream = match begun.into_stream(self.config.get()).into_fallible().await {
            Ok(stream) => stream,
            Err((error, stream)) => {
                farewell(stream).await;
                return Err(rejected(error, &server_name));
            }
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = shown.and_then(certificate::read);
        if let (true, Some(shown), Some(from)) = (self.check_address, &shown, from) {
            fits(shown, from).await.map_err(|error| Rejected {
                error,
                server_name: server_name.clone(),
                is_eof: false,
            })?;
        }
        let has_cert = shown.is_some();
        let common_name = shown.and_then(|shown| shown.common_name).filter(|_| self.names_users);
        let identity = Identity { has_cert, common_name };
        Ok(Accepted { stream, identity })
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// What is wrong with the settings, whatever the files hold.
fn check(options: &TlsOptions) -> Result<(), TlsError> {
    let shown = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    };
    if options.cert_file.is_none() || options.key_file.is_none() {
        return Err(TlsError::HalfPair { key: shown(&options.key_file), cert: shown(&options.cert_file) });
    }
    if options.client_cert_file.is_some() != options.client_key_file.is_some() {
        let (key, cert) = (shown(&options.client_key_file), shown(&options.client_cert_file));
        return Err(TlsError::HalfClientPair { key, cert });
    }
    if !options.allowed_cns.is_empty() && !options.allowed_hostnames.is_empty() {
        let (cns, hostnames) = (options.allowed_cns.clone(), options.allowed_hostnames.clone());
        return Err(TlsError::TwoRules { cns, hostnames });
    }
    Ok(())
}

fn config(options: &TlsOptions) -> Result<ServerConfig, TlsError> {
    let settings = |error: &dyn fmt::Display| TlsError::Settings(error.to_string());
    let (Some(cert), Some(key)) = (&options.cert_file, &options.key_file) else {
        return Err(TlsError::Settings("there is no certificate".to_owned()));
    };
    let provider = provider(options)?;
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(options)).map_err(|error| settings(&error))?;
    let builder = if options.asks_callers() {
        let trusted = match &options.trusted_ca_file {
            Some(path) => load::authorities(path)?,
            None => load::system_authorities(),
        };
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted.store), provider);
        let chain = chain.build().map_err(|error| settings(&error))?;
        let rules = Rules::load(options)?;
        builder.with_client_cert_verifier(Arc::new(Callers { chain, trusted: trusted.certificates, rules }))
    } else {
        builder.with_no_client_auth()
    };
    let pair = load::pair(cert, key)?;
    let bad = |error: rustls::Error| TlsError::Content { path: cert.clone(), problem: error.to_string() };
    let mut config = builder.with_single_cert(pair.chain, pair.key).map_err(bad)?;
    // gRPC speaks the first; scripts the second.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A session that is taken up again is not checked again: what was revoked since would still be let in.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Lets the other side read why.
async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let heard = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(FAREWELL, heard).await;
}

/// Whether a certificate may be shown from an address: by the address itself, or by a name that leads there.
async fn fits(shown: &certificate::Certificate, from: IpAddr) -> Result<(), String> {
    let from = from.to_canonical();
    let named = !shown.dns_names.is_empty();
    if (shown.addresses.is_empty() && !named) || shown.addresses.contains(&from) {
        return Ok(());
    }
    for name in shown.dns_names.iter().filter(|name| !name.starts_with("*.")) {
        let found = tokio::net::lookup_host((name.as_str(), 0)).await;
        if found.is_ok_and(|mut found| found.any(|address| address.ip().to_canonical() == from)) {
            return Ok(());
        }
    }
    if named {
        let from = from.to_string();
        return Err(format!("tls: {from:?} does not match any of DNSNames {:?}", shown.dns_names));
    }
    let valid: Vec<String> = shown.addresses.iter().map(ToString::to_string).collect();
    Err(format!("x509: certificate is valid for {}, not {from}", valid.join(", ")))
}
