//! One watcher of a client: in a group as long as it keeps up, and by itself else.

use super::group::{Groups, Joined, Key, last_revision};
use bytes::Bytes;
use oxetcd_api::{
    etcdserverpb::{
        RangeRequest, ResponseHeader, WatchCreateRequest, WatchResponse, watch_create_request::FilterType,
    },
    mvccpb::event::EventType,
};
use oxetcd_client::{Error, Namespace, WatchUpdate};
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::Status;

/// Where a watcher's answers go.
pub(super) struct Sink {
    pub(super) id: i64,
    pub(super) answers: mpsc::Sender<Result<WatchResponse, Status>>,
}

impl Sink {
    /// `false` when the client is gone.
    async fn send(&self, mut response: WatchResponse) -> bool {
        response.watch_id = self.id;
        self.answers.send(Ok(response)).await.is_ok()
    }
}

/// See the module's header.
pub(super) struct Watcher {
    pub(super) keys: Namespace,
    pub(super) groups: Arc<Groups>,
    pub(super) token: Option<Vec<u8>>,
    pub(super) wants_leader: bool,
    pub(super) sink: Sink,
    pub(super) create: WatchCreateRequest,
}

impl Watcher {
    /// Serves the watcher until its watch is over, or it is aborted.
    pub(super) async fn run(mut self) {
        if self.create.start_revision == 0 {
            match self.now().await {
                Ok(header) => match self.in_group(header).await {
                    // It fell behind the group.
                    Some(next) => self.create.start_revision = next,
                    None => return,
                },
                Err(error) => return self.refuse(&error).await,
            }
            return self.alone(true).await;
        }
        self.alone(false).await;
    }

    /// The header of a read of the watcher's keys: the members let it see them, and this is *now*.
    async fn now(&self) -> Result<ResponseHeader, Error> {
        let (key, range_end) = match self.create.key.is_empty() {
            true => (Bytes::from_static(b"\0"), Bytes::from_static(b"\0")),
            false => (self.create.key.clone(), self.create.range_end.clone()),
        };
        let (limit, count_only, serializable) = (1, true, true);
        let range = RangeRequest { key, range_end, limit, count_only, serializable, ..Default::default() };
        Ok(self.keys.range(range).await?.header.unwrap_or_default())
    }

    async fn refuse(&self, error: &Error) {
        let reason = format!("rpc error: code = {:?} desc = {}", error.code(), error.message());
        let (watch_id, created, canceled) = (-1, true, true);
        let refusal =
            WatchResponse { watch_id, created, canceled, cancel_reason: reason, ..Default::default() };
        let _ = self.sink.answers.send(Ok(refusal)).await;
    }

    /// Follows a group. The revision to go on from by itself, or `None` when the watch is over.
    async fn in_group(&mut self, header: ResponseHeader) -> Option<i64> {
        let key = Key {
            key: self.create.key.clone(),
            range_end: self.create.range_end.clone(),
            token: self.token.clone(),
            wants_leader: self.wants_leader,
        };
        let Joined { mut updates, from, membership: _membership } =
            self.groups.join(key, &self.keys, header.revision);
        let mut next = from;
        let created = ResponseHeader { revision: from - 1, ..header };
        if !self.sink.send(WatchResponse { header: Some(created), created: true, ..Default::default() }).await
        {
            return None;
        }
        while let Some(update) = updates.recv().await {
            if let Some(error) = &update.error {
                self.end(update.response.clone(), error).await;
                return None;
            }
            let last = last_revision(&update.response);
            if last < next {
                continue;
            }
            next = last + 1;
            if let Some(response) = self.mine(&update.response, from)
                && !self.sink.send(response).await
            {
                return None;
            }
        }
        Some(next)
    }

    /// What of a group's answer is for this watcher; `None` when nothing is.
    fn mine(&self, response: &WatchResponse, from: i64) -> Option<WatchResponse> {
        if response.events.is_empty() {
            return (self.create.progress_notify || response.canceled).then(|| response.clone());
        }
        let unwanted = |kind: EventType| {
            let filter = match kind {
                EventType::Put => FilterType::Noput,
                EventType::Delete => FilterType::Nodelete,
            };
            self.create.filters.contains(&(filter as i32))
        };
        let mut mine = response.clone();
        mine.events.retain(|event| {
            event.kv.as_ref().is_some_and(|kv| kv.mod_revision >= from) && !unwanted(event.r#type())
        });
        if !self.create.prev_kv {
            mine.events.iter_mut().for_each(|event| event.prev_kv = None);
        }
        (!mine.events.is_empty()).then_some(mine)
    }

    /// A watch of its own, which the client was told of already or not.
    async fn alone(&self, told: bool) {
        let mut watch = self.keys.watch(self.create.clone());
        while let Some(WatchUpdate { response, error }) = watch.next().await {
            if let Some(error) = error {
                return self.end(response, &error).await;
            }
            if (told && response.created && !response.canceled) || self.sink.send(response).await {
                continue;
            }
            return;
        }
    }

    /// Tells why the watch is over.
    async fn end(&self, mut response: WatchResponse, error: &Error) {
        // Without a leader the whole stream ends, as it does at a member.
        if error.is("etcdserver: no leader") {
            let status = crate::grpc::upstream::status(error);
            let _ = self.sink.answers.send(Err(status)).await;
            return;
        }
        if !response.canceled {
            response.canceled = true;
            response.cancel_reason = error.to_string();
        }
        self.sink.send(response).await;
    }
}
