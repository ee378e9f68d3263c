//! The seam between URLs and connections. TLS is another implementation of it.

use crate::url::PeerUrl;
use futures::future::BoxFuture;
use std::{
    io,
    net::{IpAddr, SocketAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, UnixStream, lookup_host},
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
    open_from(url, None).await
}

/// The same from the local address `local`, for hosts that have several. Of a name's addresses those of the other
/// family are passed over.
///
/// # Errors
/// When nobody listens there, or `local` is not an address of this machine.
pub async fn open_from(url: &PeerUrl, local: Option<IpAddr>) -> io::Result<Box<dyn Socket>> {
    if let Some(file) = url.socket_file() {
        return Ok(Box::new(UnixStream::connect(file).await?));
    }
    let address = url.address().unwrap_or_default();
    let stream = match local {
        None => TcpStream::connect(address).await?,
        Some(local) => connect_from(address, local).await?,
    };
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

async fn connect_from(address: &str, local: IpAddr) -> io::Result<TcpStream> {
    let mut last =
        io::Error::new(io::ErrorKind::AddrNotAvailable, format!("{address} cannot be reached from {local}"));
    for remote in lookup_host(address).await?.filter(|remote| remote.is_ipv4() == local.is_ipv4()) {
        let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(local, 0))?;
        match socket.connect(remote).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
