//! The answer to a `wait`: headers at once, and then what happens.

use super::{JSON, PREFIX, reply::put_headers};
use crate::service::Read;
use bytes::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use hyper::{Response, body::Frame};
use oxetcd_api::etcdserverpb::Request;
use oxetcd_v2::{Event, Sink, V2Error, WatchId};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

/// Events that may wait for a slow client.
const BACKLOG: usize = 100;

struct Channel(mpsc::Sender<Arc<Event>>);

impl Sink for Channel {
    fn send(&self, event: Arc<Event>) -> bool {
        self.0.try_send(event).is_ok()
    }
}

/// A watch under way. Its end is told to the tree.
struct Watching<M: Read> {
    member: Arc<M>,
    id: Option<WatchId>,
    events: mpsc::Receiver<Arc<Event>>,
    /// Keeps the stream of one who was answered from history open, as etcd does, though nothing follows.
    _open: Option<mpsc::Sender<Arc<Event>>>,
    closing: CancellationToken,
    stream: bool,
    done: bool,
}

impl<M: Read> Drop for Watching<M> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.member.machine().v2().lock().unwatch(id);
        }
    }
}

impl<M: Read> Watching<M> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let event = tokio::select! {
            event = self.events.recv() => event?,
            () = self.closing.cancelled() => return None,
        };
        self.done = !self.stream;
        Some(Bytes::from(oxetcd_v2::to_json(&event.without_prefix(PREFIX)) + "\n"))
    }
}

/// Begins a watch, which ends when `closing` is cancelled.
///
/// # Errors
/// When history no longer has what it asks for.
pub(super) fn watch<M: Read>(
    member: &Arc<M>,
    request: &Request,
    closing: &CancellationToken,
) -> Result<Response<Body>, V2Error> {
    let (sender, events) = mpsc::channel(BACKLOG);
    let (recursive, stream) = (request.recursive(), request.stream());
    let sink = Box::new(Channel(sender.clone()));
    let watch =
        member.machine().v2().lock().watch(request.path(), recursive, stream, request.since(), sink)?;
    let open = (stream && watch.id.is_none()).then_some(sender);
    let watching = Watching {
        member: member.clone(),
        id: watch.id,
        events,
        _open: open,
        closing: closing.clone(),
        stream,
        done: false,
    };
    let body = stream::unfold(watching, |mut watching| async move {
        let bytes = watching.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), watching))
    });
    let mut response = Response::new(Body::new(StreamBody::new(body)));
    let progress = member.progress();
    let headers = [
        ("content-type", JSON.to_owned()),
        ("x-etcd-cluster-id", format!("{:x}", member.header().cluster_id)),
        ("x-etcd-index", watch.start_index.to_string()),
        ("x-raft-index", progress.committed.to_string()),
        ("x-raft-term", progress.term.to_string()),
    ];
    put_headers(&mut response, &headers);
    Ok(response)
}
