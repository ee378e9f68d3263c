//! The end that dials: gets a stream, reads it to its end, gets the next one.

use super::Kind;
use crate::{
    client::{self, Connection, PeerError},
    codec::{CodecError, FrameDecoder, MessageDecoder, MsgAppDecoder, is_link_heartbeat},
    headers,
    peer::Peer,
    status::Id,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// A broken stream is dialed again at once; if that fails too, at longer and longer intervals.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// When somebody has to do something about it first.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// A stream that lived for this long ended by accident, not by refusal.
const PROVEN: Duration = Duration::from_secs(1);

/// Reads a peer's streams of one kind, one after the other, until cancelled.
pub(crate) async fn read(peer: &Peer, kind: Kind) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let error = match dial(peer, kind).await {
            Ok(body) => {
                peer.status.works();
                tracing::debug!(peer = %Id(peer.id), stream = kind.name(), "stream established");
                let error = follow(peer, kind, body).await;
                if begun.elapsed() >= PROVEN {
                    pause = FIRST_PAUSE;
                }
                error
            }
            Err(error) => Some(error),
        };
        if let Some(error) = &error {
            peer.status.failed(kind.name(), error);
        }
        let wait = match error {
            Some(PeerError::Removed) => {
                peer.common.host.this_member_was_removed();
                REFUSED_PAUSE
            }
            Some(error) if error.is_refusal() => REFUSED_PAUSE,
            _ => pause,
        };
        tokio::select! {
            () = sleep(wait) => pause = (pause * 2).min(LONGEST_PAUSE),
            // Whoever dials this member listens too. Not at once, lest two that refuse each other spin.
            () = peer.showed_up.notified() => sleep(FIRST_PAUSE).await,
        }
    }
}

async fn dial(peer: &Peer, kind: Kind) -> Result<Incoming, PeerError> {
    let mut connection = Connection::open(peer).await?;
    let path = format!("{}{:x}", kind.prefix(), peer.common.id);
    let mut request = client::request(&peer.common, Method::GET, &path, None, client::empty());
    request.headers_mut().insert(headers::RAFT_TO, headers::id_value(peer.id));
    let answer =
        timeout(peer.common.read_timeout, connection.send(request)).await.unwrap_or(Err(PeerError::Timeout));
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            peer.urls.failed(&connection.url);
            return Err(error);
        }
    };
    peer.ability.learn(response.headers());
    if peer.is_shut_out() {
        return Err(PeerError::CannotReadV2);
    }
    if response.status() == StatusCode::OK {
        return Ok(response.into_body());
    }
    peer.urls.failed(&connection.url);
    Err(client::refusal(response).await)
}

/// Reads one stream. `None` if the other end closed it in order.
async fn follow(peer: &Peer, kind: Kind, mut body: Incoming) -> Option<PeerError> {
    let mut decoder: Box<dyn FrameDecoder> = match kind {
        Kind::MsgApp => Box::new(MsgAppDecoder::new(peer.common.id, peer.id)),
        Kind::Message => Box::new(MessageDecoder::default()),
    };
    loop {
        let frame = match timeout(peer.common.read_timeout, body.frame()).await {
            Err(_) => return Some(PeerError::Timeout),
            Ok(None) => return None,
            Ok(Some(Err(error))) => return Some(error.into()),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        peer.observer.received(data.len() as u64);
        decoder.extend(&data);
        if let Err(error) = deliver(peer, &mut *decoder) {
            peer.observer.receive_failed();
            return Some(PeerError::Io(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
    }
}

fn deliver(peer: &Peer, decoder: &mut dyn FrameDecoder) -> Result<(), CodecError> {
    while let Some(message) = decoder.next()? {
        if !is_link_heartbeat(&message) {
            peer.deliver(message);
        }
    }
    Ok(())
}
