//! Watches: many watchers of the same keys, one watch at the members.
//!
//! Watchers that begin with *now* join a [`group`] of those who watch the same keys with the same token. A group has one watch
//! at the members and hands each event to all of its watchers. A watcher that begins with a revision of the past, or that
//! takes its events too slowly for the group, has a watch of its own instead: a lag costs the one who lags.
//!
//! Before a watcher joins, its keys are read, a count of one, with its token: members so judge whether it may watch, and the
//! revision of their answer is its *now*. Events up to it are not for this watcher, whenever the group gets them.

mod group;
mod stream;
mod watcher;

use super::{metrics::Metrics, upstream::Upstream};
use futures::Stream;
use group::Groups;
use oxetcd_api::etcdserverpb::{WatchRequest, WatchResponse};
use oxetcd_grpc::etcdserverpb::watch_server::Watch;
use std::{pin::Pin, sync::Arc};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Answers that wait for one client.
const QUEUE: usize = 256;

/// The service.
pub(crate) struct WatchProxy {
    upstream: Upstream,
    groups: Arc<Groups>,
}

impl WatchProxy {
    pub(crate) fn new(upstream: Upstream, metrics: Arc<Metrics>) -> Self {
        WatchProxy { groups: Arc::new(Groups::new(metrics)), upstream }
    }
}

#[tonic::async_trait]
impl Watch for WatchProxy {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (metadata, _, requests) = request.into_parts();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let stream = stream::ClientStream::new(self.upstream.clone(), self.groups.clone(), metadata, sender);
        tokio::spawn(stream.run(requests));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
