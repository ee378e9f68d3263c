//! Probing: how long the way to a peer and back takes, asked every few seconds.

use crate::{
    client::{self, Connection, PeerError},
    peer::Peer,
};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::time::{Duration, Instant};

/// Shorter than the time after which a quiet connection is closed.
const INTERVAL: Duration = Duration::from_secs(4);
const ANSWER_LIMIT_BYTES: usize = 4 << 10;

/// Probes until cancelled.
pub(crate) async fn run(peer: &Peer) {
    let mut connection = None;
    loop {
        let probed = tokio::time::timeout(INTERVAL, probe(peer, &mut connection)).await;
        match probed.unwrap_or(Err(PeerError::Timeout)) {
            Ok(time) => peer.observer.round_trip(time),
            Err(_) => connection = None,
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn probe(peer: &Peer, connection: &mut Option<Connection>) -> Result<Duration, PeerError> {
    let open = match connection.take().filter(Connection::is_open) {
        Some(open) => open,
        None => Connection::open(peer).await?,
    };
    let open = connection.insert(open);
    let request = client::request(&peer.common, Method::GET, "/raft/probing", None, client::empty());
    let asked = Instant::now();
    let response = open.send(request).await?;
    let time = asked.elapsed();
    if response.status() != StatusCode::OK {
        return Err(client::refusal(response).await);
    }
    // Read to its end, so that the connection can be used again.
    let _ = Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect().await;
    Ok(time)
}
