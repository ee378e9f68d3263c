//! The accept loop: one task a connection, until told to stop.
//!
//! Stopping is graceful: connections finish the requests they have begun, long-lived streams are ended by
//! their owners, and whoever is not done after a grace period is cut.

use super::{
    handshake::shake_hands,
    listener::{Listener, Remote, Stream},
};
use hyper::{Request, Response, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{convert::Infallible, future::Future, io, pin::Pin, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

/// Answer to one request, some time later.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request, of either protocol, from `remote`.
    fn handle(self: &Arc<Self>, request: Request<Incoming>, remote: Remote) -> Answer;

    /// Whom it answers, as the log calls them: `client` or `peer`.
    fn audience(&self) -> &'static str {
        "client"
    }
}

/// Limits of the connections of one listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Streams at once on one HTTP/2 connection.
    pub(crate) max_concurrent_streams: u32,
    /// A quiet connection is pinged after this time.
    pub(crate) keepalive_interval: Duration,
    /// A ping unanswered for this time ends the connection.
    pub(crate) keepalive_timeout: Duration,
}

/// How long a stopping listener waits for requests that have begun.
const GRACE: Duration = Duration::from_secs(5);
/// Credit that a client gets for one stream, and for a connection: large requests must not wait for round
/// trips.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Serves `listener` until `stop` is cancelled.
pub(crate) async fn serve<H: Handler>(
    listener: Listener,
    handler: Arc<H>,
    limits: Limits,
    stop: CancellationToken,
) {
    let builder = builder(limits);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        macro_rules! greet {
            ($stream:expr, $remote:expr) => {
                match listener.tls() {
                    None => spawn(&builder, &graceful, &handler, $stream, $remote),
                    Some(tls) => {
                        let (tls, builder, handler) = (tls.clone(), builder.clone(), handler.clone());
                        let (watcher, stop) = (graceful.watcher(), stop.clone());
                        tokio::spawn(async move {
                            let shaken = tokio::select! {
                                shaken = shake_hands(&tls, $stream, $remote, handler.audience()) => shaken,
                                () = stop.cancelled() => None,
                            };
                            if let Some((stream, identity)) = shaken {
                                let service =
                                    hyper::service::service_fn(move |mut request: Request<Incoming>| {
                                        request.extensions_mut().insert(identity.clone());
                                        handler.handle(request, $remote)
                                    });
                                let io = TokioIo::new(stream);
                                let connection = builder.serve_connection_with_upgrades(io, service);
                                run(watcher.watch(connection.into_owned())).await;
                            }
                        });
                    }
                }
            };
        }
        match accepted {
            Ok(Stream::Tcp(stream, from)) => greet!(stream, Remote::Tcp(from)),
            Ok(Stream::Unix(stream)) => greet!(stream, Remote::Unix),
            Err(error) => wait_out(&error).await,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        // Clients that give up reset their streams; thousands may do so at once, and rightly.
        .max_pending_accept_reset_streams(1024)
        .max_local_error_reset_streams(None);
    // Scripts that look for `Content-Type:` in so many letters find it.
    builder.http1().timer(TokioTimer::new()).title_case_headers(true);
    builder
}

fn spawn<H: Handler, S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    handler: &Arc<H>,
    stream: S,
    remote: Remote,
) {
    let handler = handler.clone();
    let service = hyper::service::service_fn(move |request| handler.handle(request, remote));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(run(connection));
}

async fn run<E: std::fmt::Display>(connection: impl Future<Output = Result<(), E>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error = %error, "connection ended");
    }
}

/// Accepting fails when the process is out of file descriptors: let some be closed before trying again.
async fn wait_out(error: &io::Error) {
    tracing::warn!(error = %error, "accept failed");
    tokio::time::sleep(Duration::from_millis(50)).await;
}
