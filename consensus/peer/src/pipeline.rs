//! Posts: one message a request, while there is no stream yet.
//!
//! A few workers, each with a connection of its own, share one short queue. What does not fit is dropped: a
//! peer that cannot be reached must not gather messages of yesterday.

use crate::{
    client::{self, Connection, PeerError},
    peer::Peer,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use oxetcd_consensus::raftpb::Message;
use prost::Message as _;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, mpsc};

const WORKERS: usize = 4;
const WAITING: usize = 64;
/// From the request to its answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The queue that the workers share.
pub(crate) fn queue() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    mpsc::channel(WAITING)
}

/// Starts the workers of a peer.
pub(crate) fn start(peer: &Arc<Peer>, queue: mpsc::Receiver<Message>) {
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..WORKERS {
        let (worker, queue) = (peer.clone(), queue.clone());
        peer.spawn(async move {
            let mut connection = None;
            loop {
                let next = queue.lock().await.recv().await;
                let Some(message) = next else { return };
                work(&worker, &mut connection, message).await;
            }
        });
    }
}

async fn work(peer: &Peer, connection: &mut Option<Connection>, message: Message) {
    let body = Bytes::from(message.encode_to_vec());
    let length = body.len() as u64;
    if connection.as_ref().is_some_and(|used| !used.is_open()) {
        *connection = None;
    }
    // Whatever goes to a connection may arrive.
    let mut left = connection.is_some();
    let posted = tokio::time::timeout(TIMEOUT, post(peer, connection, body, &mut left)).await;
    match posted.unwrap_or(Err(PeerError::Timeout)) {
        Ok(()) => {
            peer.status.works();
            peer.observer.sent(length);
        }
        Err(error) => {
            *connection = None;
            if matches!(error, PeerError::Removed) {
                peer.common.host.this_member_was_removed();
            }
            peer.status.failed("post", &error);
            if left {
                peer.lost();
            } else {
                peer.undelivered([message]);
            }
        }
    }
}

/// Posts one message. `left` says afterwards whether any of it may have left this member.
async fn post(
    peer: &Peer,
    connection: &mut Option<Connection>,
    body: Bytes,
    left: &mut bool,
) -> Result<(), PeerError> {
    // An idle connection may have been closed meanwhile, and that may be noticed only now.
    if let Some(mut used) = connection.take().filter(Connection::is_open)
        && let Ok(()) = post_on(peer, &mut used, body.clone()).await
    {
        *connection = Some(used);
        return Ok(());
    }
    let mut new = Connection::open(peer).await?;
    *left = true;
    let posted = post_on(peer, &mut new, body).await;
    match posted {
        Ok(()) => *connection = Some(new),
        Err(_) => peer.urls.failed(&new.url),
    }
    posted
}

async fn post_on(peer: &Peer, connection: &mut Connection, body: Bytes) -> Result<(), PeerError> {
    let content_type = Some("application/protobuf");
    let request = client::request(&peer.common, Method::POST, "/raft", content_type, client::full(body));
    let response = connection.send(request).await?;
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(());
    }
    Err(client::refusal(response).await)
}
