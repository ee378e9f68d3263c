//! Listening for clients: both protocols on one port, with TLS or without.

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use oxetcd_tls::ServerTls;
use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Credit that a client gets for one stream, and for a connection.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams at once on one connection.
    pub max_concurrent_streams: u32,
    /// Silence after which a client is asked for a sign of life; zero is never.
    pub keepalive_interval: Duration,
    /// Longest wait for that.
    pub keepalive_timeout: Duration,
}

/// A socket that listens.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerTls>>,
}

impl Listener {
    pub(crate) async fn bind(address: &str, tls: Option<Arc<ServerTls>>) -> Result<Listener, String> {
        let socket = TcpListener::bind(address).await;
        let socket = socket.map_err(|error| format!("listen tcp {address}: {error}"))?;
        Ok(Listener { socket, tls })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers requests with `answer`, until dropped.
    pub(crate) async fn serve<H, F>(self, limits: Limits, answer: H)
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let builder = builder(limits);
        loop {
            let (stream, from) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: some will be closed.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (tls, builder, answer) = (self.tls.clone(), builder.clone(), answer.clone());
            tokio::spawn(async move { connection(stream, from, tls, builder, answer).await });
        }
    }
}

async fn connection<H, F>(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<Arc<ServerTls>>,
    builder: auto::Builder<TokioExecutor>,
    answer: H,
) where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let served = match tls {
        None => builder.serve_connection(TokioIo::new(stream), service).await,
        Some(tls) => {
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream, Some(from.ip()))).await {
                Ok(Ok(accepted)) => builder.serve_connection(TokioIo::new(accepted.stream), service).await,
                Ok(Err(rejected)) => {
                    tracing::warn!("remote-addr" = %from, error = rejected.error, "rejected connection on client endpoint");
                    return;
                }
                Err(_) => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(Some(limits.keepalive_interval).filter(|interval| !interval.is_zero()))
        .keep_alive_timeout(limits.keepalive_timeout);
    builder.http1().timer(TokioTimer::new());
    builder
}
