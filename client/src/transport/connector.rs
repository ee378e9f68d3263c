//! Opens sockets, and hands them to TLS where an address asks for it.
//!
//! TLS itself is behind [`TlsConnector`], so this crate works with any library and needs none.

use super::endpoint::{Address, Endpoint, TlsNeed};
use std::{future::Future, io, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A future of a connected stream.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Turns a plain stream into an encrypted one.
///
/// The implementation must offer the protocol `h2` to the server (ALPN).
pub trait TlsConnector: Send + Sync {
    /// Shakes hands over `stream` with the server of this name (`host:port`, or the file name of a socket file).
    ///
    /// # Errors
    /// When the server cannot be trusted, does not trust us, or the stream breaks.
    fn connect<'a>(&'a self, stream: Box<dyn Stream>, server_name: &'a str) -> Connecting<'a>;
}

/// Connects to an endpoint.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    tls: Option<&Arc<dyn TlsConnector>>,
) -> io::Result<Box<dyn Stream>> {
    let stream: Box<dyn Stream> = match &endpoint.address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(|e| named("tcp", address, e))?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Address::Unix(path) => {
            let name = path.to_string_lossy();
            Box::new(UnixStream::connect(path).await.map_err(|e| named("unix", &name, e))?)
        }
    };
    match (endpoint.tls, tls) {
        (TlsNeed::Never, _) | (TlsNeed::IfConfigured, None) => Ok(stream),
        (_, Some(tls)) => tls.connect(stream, &endpoint.server_name).await,
        (TlsNeed::Always, None) => {
            Err(io::Error::other(format!("{} needs TLS, and none is configured", endpoint.as_str())))
        }
    }
}

/// Says which address an error is about: the operating system does not.
fn named(network: &str, address: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("dial {network} {address}: {error}"))
}
