//! One client's stream: its watchers by number, each a task.

use super::{
    group::Groups,
    watcher::{Sink, Watcher},
};
use crate::grpc::upstream::{Upstream, token, wants_leader};
use oxetcd_api::etcdserverpb::{
    WatchCreateRequest, WatchRequest, WatchResponse, watch_request::RequestUnion,
};
use std::{collections::HashMap, sync::Arc};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::{Status, Streaming, metadata::MetadataMap};

/// The number in answers to requests that make no watcher.
const NOBODY: i64 = -1;

/// See the module's header.
pub(super) struct ClientStream {
    upstream: Upstream,
    groups: Arc<Groups>,
    metadata: MetadataMap,
    answers: mpsc::Sender<Result<WatchResponse, Status>>,
    watchers: HashMap<i64, JoinHandle<()>>,
    next_id: i64,
}

impl ClientStream {
    pub(super) fn new(
        upstream: Upstream,
        groups: Arc<Groups>,
        metadata: MetadataMap,
        answers: mpsc::Sender<Result<WatchResponse, Status>>,
    ) -> Self {
        ClientStream { upstream, groups, metadata, answers, watchers: HashMap::new(), next_id: 0 }
    }

    /// Serves the client until it has nothing more to say, or is gone.
    pub(super) async fn run(mut self, mut requests: Streaming<WatchRequest>) {
        let answers = self.answers.clone();
        loop {
            let request = tokio::select! {
                request = requests.message() => request,
                () = answers.closed() => return,
            };
            match request {
                Ok(Some(WatchRequest { request_union: Some(request) })) => self.apply(request).await,
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        // Whoever has said all it wants still listens.
        answers.closed().await;
    }

    async fn apply(&mut self, request: RequestUnion) {
        match request {
            RequestUnion::CreateRequest(create) => self.create(create).await,
            RequestUnion::CancelRequest(cancel) => {
                if let Some(task) = self.watchers.remove(&cancel.watch_id) {
                    task.abort();
                    // Nothing of it may come behind this.
                    let _ = task.await;
                    self.send(WatchResponse {
                        watch_id: cancel.watch_id,
                        canceled: true,
                        ..Default::default()
                    })
                    .await;
                }
            }
            // A proxy that shares watches cannot say how far all of them are together; neither does etcd's.
            RequestUnion::ProgressRequest(_) => tracing::debug!("a request for progress is not answered"),
        }
    }

    async fn create(&mut self, mut create: WatchCreateRequest) {
        self.watchers.retain(|_, task| !task.is_finished());
        let taken = create.watch_id != 0 && self.watchers.contains_key(&create.watch_id);
        if create.start_revision < 0 || taken || create.watch_id < 0 || !is_range(&create) {
            let (watch_id, created, canceled) = (NOBODY, true, true);
            return self.send(WatchResponse { watch_id, created, canceled, ..Default::default() }).await;
        }
        let id = match create.watch_id {
            0 => self.free_id(),
            id => id,
        };
        create.watch_id = 0;
        let watcher = Watcher {
            keys: self.upstream.keys_for(&self.metadata),
            groups: self.groups.clone(),
            token: token(&self.metadata).map(|token| token.as_bytes().to_vec()),
            wants_leader: wants_leader(&self.metadata),
            sink: Sink { id, answers: self.answers.clone() },
            create,
        };
        self.watchers.insert(id, tokio::spawn(watcher.run()));
    }

    fn free_id(&mut self) -> i64 {
        loop {
            let id = self.next_id;
            self.next_id += 1;
            if !self.watchers.contains_key(&id) {
                return id;
            }
        }
    }

    async fn send(&self, answer: WatchResponse) {
        // An error means that the client is gone, which the loop notices.
        let _ = self.answers.send(Ok(answer)).await;
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.watchers.values().for_each(JoinHandle::abort);
    }
}

/// Whether a watcher can see anything at all.
fn is_range(create: &WatchCreateRequest) -> bool {
    let end = &create.range_end[..];
    end.is_empty() || end == [0] || create.key[..] < *end
}
