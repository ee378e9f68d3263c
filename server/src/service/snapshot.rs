//! A snapshot for clients: the whole state as a bbolt file, streamed.
//!
//! The file is never on disk here. Its layout is planned in a first pass over a consistent view of the engine,
//! which gives its size; the second pass sends its bytes in order. At the end comes the SHA-256 of all of them.
//! Both passes read the engine only: writers do not notice.

use crate::{
    adapters::{ExportFailure, OpenView},
    background,
};
use bytes::Bytes;
use futures::Stream;
use oxetcd_api::etcdserverpb::SnapshotResponse;
use sha2::{Digest, Sha256};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;
use tonic::Status;

/// Bytes of one message: what a client of any age can take.
const PIECE_BYTES: usize = 32 << 10;
/// Pieces that may wait for the client: a slow one must not fill the memory.
const WAITING: usize = 16;

type Piece = Result<SnapshotResponse, Status>;

/// The messages of one call.
pub(crate) struct Pieces(mpsc::Receiver<Piece>);

impl Stream for Pieces {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(context)
    }
}

/// Streams a database.
///
/// # Errors
/// When no thread can be had for it.
pub(crate) fn pieces(export: OpenView) -> io::Result<Pieces> {
    let (sender, receiver) = mpsc::channel(WAITING);
    background::with_low_priority("snapshot", move || {
        if let Err(error) = send(&export, &sender) {
            tracing::warn!(error = %error, "snapshot was not sent whole");
            // The client may be the one who has gone.
            let _ = sender.blocking_send(Err(Status::unavailable(format!("etcdserver: {error}"))));
        }
    })?;
    Ok(Pieces(receiver))
}

fn send(export: &OpenView, sender: &mpsc::Sender<Piece>) -> Result<(), ExportFailure> {
    let layout = export.plan()?;
    let (total, version) = (layout.bytes(), export.storage_version());
    tracing::info!("total-bytes" = total, "sending database snapshot to client");
    let out = export.write(layout, Sending { sender, version, left: total, sha: Sha256::new() })?;
    let sha = Bytes::copy_from_slice(&out.sha.finalize());
    let last = SnapshotResponse { blob: sha, version: version.to_owned(), ..Default::default() };
    let _ = sender.blocking_send(Ok(last));
    tracing::info!("total-bytes" = total, "successfully sent database snapshot to client");
    Ok(())
}

/// Cuts the file into messages.
struct Sending<'a> {
    sender: &'a mpsc::Sender<Piece>,
    version: &'a str,
    left: u64,
    sha: Sha256,
}

impl io::Write for Sending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE_BYTES)];
        self.sha.update(piece);
        self.left = self.left.saturating_sub(piece.len() as u64);
        let message = SnapshotResponse {
            remaining_bytes: self.left,
            blob: Bytes::copy_from_slice(piece),
            version: self.version.to_owned(),
            ..Default::default()
        };
        let sent = self.sender.blocking_send(Ok(message));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone"))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
