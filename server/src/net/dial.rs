//! Connections to other members, encrypted where their URLs say so: for raft's messages and for the questions of
//! [`PeerClient`](crate::cluster::PeerClient).

use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use oxetcd_peer::{Connect, PeerUrl, PlainConnector, Socket, open_from};
use oxetcd_tls::ClientTls;
use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// Longest wait for a connection that a question needs, its handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens connections to members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dialer {
    /// For URLs that ask for encryption.
    pub(crate) tls: Option<Arc<ClientTls>>,
    /// The address to call from, when it must be one of several.
    pub(crate) local: Option<IpAddr>,
}

impl Connect for Dialer {
    fn connect(&self, url: &PeerUrl) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        let (local, url) = (self.local, url.clone());
        match &self.tls {
            Some(tls) if url.is_tls() => {
                let tls = tls.clone();
                Box::pin(async move {
                    let name = url.address().unwrap_or("localhost").to_owned();
                    let stream = tls.connect(open_from(&url, local).await?, &name).await?;
                    Ok(Box::new(stream) as Box<dyn Socket>)
                })
            }
            None if url.is_tls() => PlainConnector.connect(&url),
            _ => Box::pin(async move { open_from(&url, local).await }),
        }
    }
}

/// A connection in the form that the HTTP client takes.
pub(crate) struct Dialed(TokioIo<Box<dyn Socket>>);

impl tower::Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Dialed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (scheme, authority) = (uri.scheme_str(), uri.authority().map(|authority| authority.as_str()));
        let url = format!("{}://{}", scheme.unwrap_or_default(), authority.unwrap_or_default());
        let dialer = self.clone();
        Box::pin(async move {
            let url = url.parse::<PeerUrl>();
            let url = url.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let dialed = tokio::time::timeout(CONNECT_TIMEOUT, dialer.connect(&url)).await;
            Ok(Dialed(TokioIo::new(dialed.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)))
        })
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
