//! The seam between URLs and connections. TLS is another implementation of it.

use crate::url::PeerUrl;
use futures::future::BoxFuture;
use std::io;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// A connection, of whatever sort.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Makes connections to peers.
pub trait Connect: Send + Sync + 'static {
    /// Connects to where `url` points. The caller limits the time.
    fn connect(&self, url: &PeerUrl) -> BoxFuture<'static, io::Result<Box<dyn Socket>>>;
}

/// TCP and unix sockets, not encrypted.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainConnector;

impl Connect for PlainConnector {
    fn connect(&self, url: &PeerUrl) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        let url = url.clone();
        Box::pin(async move {
            if url.is_tls() {
                let text = "an https:// or unixs:// URL needs certificates, and there are none";
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
            open(&url).await
        })
    }
}

/// Opens the socket that `url` points to; whether what goes over it is to be encrypted is the caller's business.
///
/// # Errors
/// When nobody listens there.
pub async fn open(url: &PeerUrl) -> io::Result<Box<dyn Socket>> {
    if let Some(file) = url.socket_file() {
        return Ok(Box::new(UnixStream::connect(file).await?));
    }
    let stream = TcpStream::connect(url.address().unwrap_or_default()).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}
