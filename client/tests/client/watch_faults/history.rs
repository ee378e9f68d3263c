//! A store of events that can be watched: the part of a server that watches need, simple enough to be believed.

use oxetcd_api::{
    etcdserverpb::{
        ResponseHeader, WatchCreateRequest, WatchRequest, WatchResponse, watch_request::RequestUnion,
    },
    mvccpb::{Event, KeyValue},
};
use oxetcd_grpc::etcdserverpb::watch_server::{Watch, WatchServer};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, wrappers::UnboundedReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

pub(crate) type Key = bytes::Bytes;

/// Everything that was ever written, and when.
#[derive(Clone)]
pub(crate) struct History {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<i64>,
}

#[derive(Default)]
struct State {
    events: Vec<(i64, Key)>,
    revision: i64,
    compacted: i64,
    /// For each watch, where it began when it was last asked for without a start.
    began: BTreeMap<usize, i64>,
}

impl Default for History {
    fn default() -> Self {
        let state = State { revision: 1, ..State::default() };
        History { state: Arc::new(Mutex::new(state)), changed: watch::Sender::new(0) }
    }
}

impl History {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Serves watches on a port of its own.
    pub(crate) fn serve(&self) -> crate::fake::Running {
        crate::fake::serve(Server::builder().add_service(WatchServer::new(self.clone())))
    }

    /// Changes keys, all at one revision.
    pub(crate) fn write<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let mut keys: Vec<_> = keys.into_iter().map(|key| Key::copy_from_slice(key.as_bytes())).collect();
        keys.sort();
        keys.dedup();
        state.events.extend(keys.into_iter().map(|key| (revision, key)));
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Forgets what was before this share of the revisions.
    pub(crate) fn compact(&self, percent: i64) {
        let mut state = self.state();
        let at = state.revision * percent / 100;
        state.compacted = state.compacted.max(at);
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// All events of keys from `first` on.
    pub(crate) fn events(&self, first: &str) -> Vec<(i64, Key)> {
        let state = self.state();
        state.events.iter().filter(|(_, key)| &key[..] >= first.as_bytes()).cloned().collect()
    }

    /// The end of a range that marks the watch of this number.
    pub(crate) fn end_of(number: usize) -> Key {
        format!("d{number}").into()
    }

    /// From where on the watch of this number sees events: as it wished, or where the server last said that it begins.
    pub(crate) fn start_of(&self, number: usize, wished: i64) -> Option<i64> {
        if wished > 0 { Some(wished) } else { self.state().began.get(&number).copied() }
    }

    fn has_begun(&self, number: usize) -> bool {
        self.state().began.contains_key(&number)
    }

    /// Waits until the watch of this number was asked for.
    pub(crate) async fn begun(&self, number: usize) {
        let mut changed = self.changed.subscribe();
        while !self.has_begun(number) {
            // The sender lives in `self`.
            let _ = changed.changed().await;
        }
    }

    /// Where a watch begins.
    fn begin(&self, request: &WatchCreateRequest) -> (i64, i64) {
        let mut state = self.state();
        let now = state.revision;
        let start = if request.start_revision == 0 { now + 1 } else { request.start_revision };
        let number = std::str::from_utf8(&request.range_end[1..]).ok().and_then(|text| text.parse().ok());
        let number = number.expect("the test marks its watches");
        if request.start_revision == 0 {
            state.began.insert(number, start);
        } else {
            state.began.entry(number).or_insert(start);
        }
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
        (start, now)
    }

    /// Answers for a watch that has everything before `next`; where it is then, and whether it is over.
    fn answers(&self, id: i64, request: &WatchCreateRequest, next: i64) -> (Vec<WatchResponse>, i64, bool) {
        let state = self.state();
        let header = Some(ResponseHeader { revision: state.revision, ..Default::default() });
        let empty = WatchResponse { header, watch_id: id, ..Default::default() };
        if next < state.compacted {
            let end = WatchResponse { canceled: true, compact_revision: state.compacted, ..empty };
            return (vec![end], next, true);
        }
        let wanted = |(revision, key): &&(i64, Key)| *revision >= next && *key >= request.key;
        let events: Vec<Event> = state.events.iter().filter(wanted).map(event).collect();
        let mut answers = match (events.is_empty(), request.fragment) {
            (true, _) => Vec::new(),
            (false, false) => vec![WatchResponse { events, ..empty.clone() }],
            (false, true) => {
                let last = events.len() - 1;
                let piece =
                    |(at, event)| WatchResponse { events: vec![event], fragment: at < last, ..empty.clone() };
                events.into_iter().enumerate().map(piece).collect()
            }
        };
        if request.progress_notify {
            answers.push(empty);
        }
        (answers, state.revision + 1, false)
    }
}

fn event((revision, key): &(i64, Key)) -> Event {
    let kv = KeyValue { key: key.clone(), mod_revision: *revision, ..Default::default() };
    Event { kv: Some(kv), ..Default::default() }
}

#[tonic::async_trait]
impl Watch for History {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let mut requests = request.into_inner();
        let (sender, answers) = mpsc::unbounded_channel();
        let history = self.clone();
        tokio::spawn(async move {
            let mut watches = tokio::task::JoinSet::new();
            let mut id = 0;
            while let Ok(Some(request)) = requests.message().await {
                let Some(RequestUnion::CreateRequest(create)) = request.request_union else { continue };
                let (start, now) = history.begin(&create);
                let header = Some(ResponseHeader { revision: now, ..Default::default() });
                let created = WatchResponse { header, watch_id: id, created: true, ..Default::default() };
                let _ = sender.send(Ok(created));
                watches.spawn(watch_one(history.clone(), id, create, start, sender.clone()));
                id += 1;
            }
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(answers))))
    }
}

async fn watch_one(
    history: History,
    id: i64,
    request: WatchCreateRequest,
    mut next: i64,
    sender: mpsc::UnboundedSender<Result<WatchResponse, Status>>,
) {
    let mut changed = history.changed.subscribe();
    loop {
        let (answers, then, over) = history.answers(id, &request, next);
        for answer in answers {
            let _ = sender.send(Ok(answer));
        }
        if over || sender.is_closed() {
            return;
        }
        next = next.max(then);
        if changed.changed().await.is_err() {
            return;
        }
    }
}
