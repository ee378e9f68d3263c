//! [`TlsConnector`] over certificates in files, which are read again when they change.

use super::{Connecting, Stream, TlsConnector};
use oxetcd_tls::{ClientTls, Protocol};
pub use oxetcd_tls::{TlsError, TlsOptions};
use std::io;

/// TLS by rustls.
#[derive(Debug)]
pub struct FileTls(ClientTls);

impl FileTls {
    /// Reads the files that `options` names.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn new(options: TlsOptions) -> Result<FileTls, TlsError> {
        ClientTls::new(options, Protocol::Grpc).map(FileTls)
    }
}

impl TlsConnector for FileTls {
    fn connect<'a>(&'a self, stream: Box<dyn Stream>, server_name: &'a str) -> Connecting<'a> {
        Box::pin(async move {
            let failed = |error: io::Error| {
                let text = format!("transport: authentication handshake failed: {error}");
                io::Error::new(error.kind(), text)
            };
            let stream = self.0.connect(stream, server_name).await.map_err(failed)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}
