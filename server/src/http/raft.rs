//! The listener for peers: raft's own paths go to the transport, the rest to plain HTTP.

use super::{Http, boxed};
use crate::{
    net::{Answer, Handler, Remote},
    service::{Others, Propose, Read},
};
use hyper::{Request, body::Incoming};
use oxetcd_peer::Peers;
use std::sync::Arc;

/// Answers other members.
pub(crate) struct PeerHttp<M> {
    /// The transport of raft's messages.
    pub(crate) peers: Peers,
    /// Everything else.
    pub(crate) rest: Arc<Http<M>>,
}

impl<M: Propose + Read + Others> Handler for PeerHttp<M> {
    fn handle(self: &Arc<Self>, request: Request<Incoming>, remote: Remote) -> Answer {
        let path = request.uri().path();
        if path != "/raft" && !path.starts_with("/raft/") {
            return self.rest.handle(request, remote);
        }
        let peers = self.peers.clone();
        boxed(async move { peers.handle(request).await.map(tonic::body::Body::new) })
    }

    fn audience(&self) -> &'static str {
        "peer"
    }
}
