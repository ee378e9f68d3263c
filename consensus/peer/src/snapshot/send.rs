//! Sending a database.

use super::STALL;
use crate::{
    client::{self, Connection, PeerError},
    codec::encode_message,
    host::OutgoingSnapshot,
    peer::Peer,
    status::Id,
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use oxetcd_consensus::raftpb::Message;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::time::sleep;

/// Sends the database that belongs to `message`. Whether it arrived.
pub(crate) async fn send(peer: &Peer, message: Message) -> bool {
    let begun = Instant::now();
    let index =
        message.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref()).map(|it| it.index());
    tracing::info!(peer = %Id(peer.id), index, "sending a snapshot");
    peer.observer.snapshot_sending();
    let sent = transfer(peer, message).await;
    peer.observer.snapshot_send_ended(sent.is_ok().then(|| begun.elapsed()));
    match sent {
        Ok(bytes) => {
            tracing::info!(peer = %Id(peer.id), index, bytes, took = ?begun.elapsed(), "sent a snapshot");
            peer.observer.sent(bytes);
            peer.status.works();
            true
        }
        Err(error) => {
            tracing::warn!(peer = %Id(peer.id), index, error = %error, "a snapshot was not sent");
            peer.status.failed("snapshot", &error);
            peer.lost();
            false
        }
    }
}

async fn transfer(peer: &Peer, mut message: Message) -> Result<u64, PeerError> {
    let opened = peer.common.host.open_snapshot(&message).await?;
    message.snapshot = Some(opened.snapshot.clone());
    let moved = Arc::new(AtomicU64::new(0));
    let mut connection = Connection::open(peer).await?;
    let url = connection.url.clone();
    let (body, whole) = body(&message, opened, moved.clone());
    let content_type = Some("application/octet-stream");
    let request = client::request(&peer.common, Method::POST, "/raft/snapshot", content_type, body);
    let answered = tokio::select! {
        answered = connection.send(request) => answered,
        () = stalled(&moved, whole) => Err(PeerError::Timeout),
    };
    match answered {
        Ok(response) if response.status() == StatusCode::NO_CONTENT => Ok(moved.load(Ordering::Relaxed)),
        Ok(response) => Err(client::refusal(response).await),
        Err(error) => {
            peer.urls.failed(&url);
            Err(error)
        }
    }
}

/// The message, then the database, and how long that is; `moved` counts what the connection took.
fn body(message: &Message, opened: OutgoingSnapshot, moved: Arc<AtomicU64>) -> (client::Outgoing, u64) {
    let mut head = BytesMut::new();
    encode_message(message, &mut head);
    let head = head.freeze();
    let expected = head.len() as u64 + opened.length_bytes;
    let head = stream::iter([Ok::<Bytes, io::Error>(head)]);
    let counted = moved.clone();
    let all = head.chain(opened.chunks).inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            counted.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
    });
    // A database shorter than announced must not look complete.
    let end = stream::once(async move {
        let total = moved.load(Ordering::Relaxed);
        (total != expected).then(|| {
            let text = format!("the snapshot has {total} bytes, not {expected}");
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))
        })
    });
    let all = all.chain(end.filter_map(|error| async move { error }));
    (StreamBody::new(all.map(|chunk| chunk.map(Frame::data))).boxed_unsync(), expected)
}

/// Returns when nothing has moved for too long.
async fn stalled(moved: &AtomicU64, whole: u64) {
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        // In the end the other side waits for its disk.
        sleep(if before == whole { STALL * 10 } else { STALL }).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
