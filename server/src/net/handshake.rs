//! The handshake of one connection: beside the accept loop, for a limited time, and told of in etcd's words when it fails.

use super::{Identity, listener::Remote};
use oxetcd_tls::{Rejected, ServerTls, TlsStream};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// Longest handshake.
const TIMEOUT: Duration = Duration::from_secs(10);

/// `None` when the connection is not to be.
pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &ServerTls,
    stream: S,
    remote: Remote,
    audience: &str,
) -> Option<(TlsStream<S>, Arc<Identity>)> {
    let shaken = tokio::time::timeout(TIMEOUT, tls.accept(stream, remote.ip())).await;
    let rejected = match shaken {
        Ok(Ok(accepted)) => return Some((accepted.stream, Arc::new(accepted.identity))),
        Ok(Err(rejected)) => rejected,
        Err(_) => Rejected { error: "i/o timeout".to_owned(), server_name: String::new(), is_eof: false },
    };
    let Rejected { error, server_name, is_eof } = rejected;
    macro_rules! tell {
        ($level:ident, $message:literal) => {
            tracing::$level!("remote-addr" = %remote, "server-name" = server_name, error, $message)
        };
    }
    // Whoever only looks whether somebody listens is not worth a line.
    match (audience, is_eof) {
        ("peer", false) => tell!(warn, "rejected connection on peer endpoint"),
        ("peer", true) => tell!(debug, "rejected connection on peer endpoint"),
        (_, false) => tell!(warn, "rejected connection on client endpoint"),
        (_, true) => tell!(debug, "rejected connection on client endpoint"),
    }
    None
}
