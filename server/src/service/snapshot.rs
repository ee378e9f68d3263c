//! A snapshot for clients: the whole state as a bbolt file, streamed.
//!
//! The file is never on disk here. Its layout is planned in a first pass over a consistent view of the engine,
//! which gives its size; the second pass sends its bytes in order. At the end comes the SHA-256 of all of them.
//! Both passes read the engine only: writers do not notice.

use bytes::Bytes;
use futures::Stream;
use oxetcd_api::etcdserverpb::SnapshotResponse;
use oxetcd_storage::{Checkpoint, Table, Visit};
use oxetcd_storage_bolt::{ExportError, plan, write};
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

/// Streams what `checkpoint` shows. `version` is the version of the data's layout.
pub(crate) fn pieces(checkpoint: Box<dyn Checkpoint>, version: String) -> Pieces {
    let (sender, receiver) = mpsc::channel(WAITING);
    // Not counted among the background's jobs: it mostly waits for its client.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send(&*checkpoint, &version, &sender) {
            tracing::warn!(error = %error, "snapshot was not sent whole");
            // The client may be the one who has gone.
            let _ = sender.blocking_send(Err(Status::unavailable(format!("etcdserver: {error}"))));
        }
    });
    Pieces(receiver)
}

fn send(checkpoint: &dyn Checkpoint, version: &str, sender: &mpsc::Sender<Piece>) -> Result<(), Failed> {
    let buckets: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
    let scan = |at: usize, visit: &mut Visit<'_>| checkpoint.scan(Table::ALL[at], &[], visit);
    let layout = plan(&buckets, scan)?;
    let total = layout.bytes();
    tracing::info!("total-bytes" = total, "sending database snapshot to client");
    let out = Sending { sender, version, left: total, sha: Sha256::new() };
    let out = write(&buckets, layout, out, scan)?;
    let sha = Bytes::copy_from_slice(&out.sha.finalize());
    let last = SnapshotResponse { blob: sha, version: version.to_owned(), ..Default::default() };
    let _ = sender.blocking_send(Ok(last));
    tracing::info!("total-bytes" = total, "successfully sent database snapshot to client");
    Ok(())
}

type Failed = ExportError<oxetcd_storage::Error>;

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
