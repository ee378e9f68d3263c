//! A snapshot for a member that lags too far behind: the state as of now, streamed as a database file.
//!
//! Raft asks for one by index and term; those are offered at once and cost nothing. The database itself is made
//! when the message goes out, as of that moment, which may be newer: the message's metadata is then replaced by
//! what the database says. So nothing need be kept in between, and a member that comes for it late gets the
//! newest. Whoever writes meanwhile does not notice: it is read from a checkpoint, by a thread of low priority,
//! no faster than the network takes it.

use super::{Input, Shared};
use crate::{adapters::OpenView, background};
use bytes::Bytes;
use oxetcd_consensus::raftpb::Snapshot;
use std::{io, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// Pieces that may wait for the network.
const WAITING: usize = 16;

/// A database on its way to another member.
pub(crate) struct Outgoing {
    /// What it is a snapshot of.
    pub(crate) snapshot: Snapshot,
    pub(crate) length_bytes: u64,
    /// Its bytes; the last piece may be an error.
    pub(crate) chunks: mpsc::Receiver<io::Result<Bytes>>,
}

/// Opens a snapshot of the state as of now.
///
/// # Errors
/// When the engine cannot be read: that stops the member as well.
pub(crate) async fn open_snapshot(shared: Arc<Shared>) -> io::Result<Outgoing> {
    let (opened, opening) = oneshot::channel();
    let (sender, chunks) = mpsc::channel(WAITING);
    background::with_low_priority("send-snapshot", move || {
        if let Err(error) = send(&shared, opened, &sender) {
            tracing::warn!(%error, "database snapshot was not sent whole");
            // The other side may be the one who has gone.
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
    })?;
    let (snapshot, length_bytes) = opening.await.map_err(|_| io::Error::other("no snapshot was made"))?;
    Ok(Outgoing { snapshot, length_bytes, chunks })
}

/// Offers raft a snapshot of what has been applied, without its database.
///
/// # Errors
/// When the engine fails.
pub(crate) fn offer_snapshot(shared: &Shared) -> Result<(), String> {
    let view = OpenView::of(shared.machine.load().buffer(), &shared.metrics);
    let mut snapshot = view.map_err(text)?.snapshot()?;
    snapshot.data = Some(Bytes::new());
    shared.inbox.send(Input::OfferSnapshot(Box::new(snapshot)));
    Ok(())
}

fn send(
    shared: &Shared,
    opened: oneshot::Sender<(Snapshot, u64)>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), String> {
    let export = OpenView::of(shared.machine.load().buffer(), &shared.metrics).map_err(text)?;
    let snapshot = export.snapshot()?;
    let layout = export.plan().map_err(text)?;
    if opened.send((snapshot, layout.bytes())).is_ok() {
        export.write(layout, Sending(sender)).map_err(text)?;
    }
    Ok(())
}

/// Hands the file's pieces over.
struct Sending<'a>(&'a mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Sending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the other member has gone"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
