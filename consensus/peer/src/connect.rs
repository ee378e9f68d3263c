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
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "TLS between members comes with the security issue; use http:// or unix://",
                ));
            }
            if let Some(file) = url.socket_file() {
                let stream = UnixStream::connect(file).await?;
                return Ok(Box::new(stream) as Box<dyn Socket>);
            }
            let stream = TcpStream::connect(url.address().unwrap_or_default()).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Socket>)
        })
    }
}
