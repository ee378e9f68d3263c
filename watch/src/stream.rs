//! One client connection: its watchers, its requests.

use crate::{
    History, Hub, ReplyBody, Sink, WatchReply, chunk::Filter, reply::NO_WATCH_ID, state::State, watcher::Wish,
};
use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{WatchCreateRequest, watch_create_request::FilterType},
};
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const NEGATIVE_START: &str = "etcdserver: mvcc: required revision has been compacted";
const EMPTY_RANGE: &str = "mvcc: watcher range is empty";
const DUPLICATE_ID: &str = "mvcc: duplicate watch ID provided on the WatchStream";

/// Watchers removed under one hold of the lock when a stream ends.
const CLOSE_STEP: usize = 64;

/// The shortest progress interval that is taken.
const MIN_PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// The period of one stream's [`Stream::tick`]: `interval` (at least 100 ms), and up to a tenth more by
/// `jitter` from 0 to 1, so that streams opened together do not tick together.
pub fn progress_period(interval: Duration, jitter: f64) -> Duration {
    let interval = interval.max(MIN_PROGRESS_PERIOD);
    interval + (interval / 10).mul_f64(jitter.clamp(0.0, 1.0))
}

/// A stream of watchers that share one sink. Dropping it removes its watchers.
pub struct Stream {
    hub: Arc<Hub>,
    sink: Arc<dyn Sink>,
    key: usize,
    /// Up while some watcher waits for room in the sink.
    blocked: Arc<AtomicBool>,
}

impl Stream {
    pub(crate) fn open(hub: Arc<Hub>, sink: Arc<dyn Sink>) -> Stream {
        let blocked = Arc::new(AtomicBool::new(false));
        let key = hub.locked(|state| state.open_stream(sink.clone(), blocked.clone()));
        Stream { hub, sink, key, blocked }
    }

    /// Creates a watcher and answers with [`ReplyBody::Created`], or with [`ReplyBody::Refused`] and the
    /// reason. `permit` is asked whether the client may read the range; its error is the reason to send, which
    /// in etcd reads like `rpc error: code = PermissionDenied desc = etcdserver: permission denied`. Returns
    /// the watcher's id.
    ///
    /// A start revision that is compacted makes a watcher all the same, and ends it with
    /// [`ReplyBody::Compacted`] at once: the client is told by the second reply.
    pub fn create(
        &self,
        request: &WatchCreateRequest,
        permit: impl FnOnce(&KeyRange) -> Result<(), String>,
    ) -> Option<i64> {
        let range = range_of(request);
        let reason: Cow<'static, str> = if request.start_revision < 0 {
            NEGATIVE_START.into()
        } else if let Err(reason) = permit(&range) {
            reason.into()
        } else if range.is_empty() {
            EMPTY_RANGE.into()
        } else {
            let wish = wish_of(request, range);
            match self.hub.locked(|state| self.admit(state, request.watch_id, wish)) {
                Ok(id) => return Some(id),
                Err(reason) => reason.into(),
            }
        };
        self.hub.locked(|state| self.tell(state, NO_WATCH_ID, ReplyBody::Refused(reason)));
        None
    }

    fn admit(&self, state: &mut State, wanted_id: i64, wish: Wish) -> Result<i64, &'static str> {
        let id = self.choose_id(state, wanted_id)?;
        self.tell(state, id, ReplyBody::Created);
        let start = wish.start;
        // "From now on" is after all that is applied, even where publishing lags behind.
        let next = if start == 0 { self.store_revision(state) + 1 } else { start };
        let key = state.add(self.key, id, wish, next);
        state.compacted = state.compacted.max(self.hub.history().compacted_revision());
        if next <= state.current && next < state.compacted {
            state.retire(key, state.compacted);
        } else {
            state.settle(key);
        }
        Ok(id)
    }

    fn choose_id(&self, state: &mut State, wanted: i64) -> Result<i64, &'static str> {
        let stream = &mut state.streams[self.key];
        let watchers = &stream.watchers;
        let retired = &stream.retired;
        let taken = |id: &i64| watchers.contains_key(id) || retired.contains(id);
        if wanted == 0 {
            let mut id = stream.next_id;
            while taken(&id) {
                id = id.wrapping_add(1);
            }
            stream.next_id = id.wrapping_add(1);
            Ok(id)
        } else if taken(&wanted) {
            Err(DUPLICATE_ID)
        } else {
            Ok(wanted)
        }
    }

    /// Cancels a watcher and answers with [`ReplyBody::Canceled`]. An unknown id is not answered.
    pub fn cancel(&self, id: i64) -> bool {
        self.take_away(id, ReplyBody::Canceled)
    }

    /// Takes a watcher from the client, who may no longer see what it shows, and answers with
    /// [`ReplyBody::Ended`]. An unknown id is not answered.
    pub fn end(&self, id: i64, reason: impl Into<Cow<'static, str>>) -> bool {
        self.take_away(id, ReplyBody::Ended(reason.into()))
    }

    fn take_away(&self, id: i64, why: ReplyBody) -> bool {
        self.hub.locked(|state| {
            let stream = &mut state.streams[self.key];
            if let Some(key) = stream.watchers.get(&id).copied() {
                state.remove(key);
            } else if !stream.retired.remove(&id) {
                return false;
            }
            self.tell(state, id, why);
            true
        })
    }

    /// Answers a request for progress: one [`ReplyBody::Progress`] with id -1 if all watchers of the stream,
    /// and at least one, have been given everything up to the current revision. Otherwise nothing, as in etcd:
    /// events are on their way and tell the client more.
    pub fn request_progress(&self) {
        self.hub.locked(|state| {
            let watchers = &state.streams[self.key].watchers;
            let current = |key: &usize| state.watchers[*key].is_current(state.current);
            if !watchers.is_empty() && watchers.values().all(current) {
                self.tell_progress(state, NO_WATCH_ID);
            }
        });
    }

    /// Sends progress to the stream's watchers that asked for it, have seen everything, and were sent nothing
    /// since the last tick. The server calls it once a [`progress_period`].
    pub fn tick(&self) {
        self.hub.locked(|state| {
            let State { streams, watchers, current, .. } = state;
            let mut due = Vec::new();
            for (id, key) in &streams[self.key].watchers {
                let watcher = &mut watchers[*key];
                if watcher.wish.progress {
                    if watcher.progress_due && watcher.is_current(*current) {
                        due.push(*id);
                    }
                    watcher.progress_due = true;
                }
            }
            due.into_iter().for_each(|id| self.tell_progress(state, id));
        });
    }

    /// Says that replies have been taken out of the sink. Call it each time after taking some; it costs next
    /// to nothing unless a watcher waits for room.
    pub fn drained(&self) {
        if self.blocked.load(Ordering::SeqCst) {
            self.hub.locked(|state| state.unblock(self.key));
        }
    }

    /// The history, for [`WatchReply::look_up_previous`].
    pub fn history(&self) -> &dyn History {
        self.hub.history()
    }

    fn tell(&self, state: &State, id: i64, body: ReplyBody) {
        self.sink.send_control(WatchReply::new(id, self.store_revision(state), body));
    }

    /// A full sink drops the reply: whoever waits for progress there has events to read.
    fn tell_progress(&self, state: &State, id: i64) {
        let _ = self.sink.try_send(WatchReply::new(id, state.current, ReplyBody::Progress));
    }

    fn store_revision(&self, state: &State) -> i64 {
        state.current.max(self.hub.history().current_revision())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        loop {
            let done = self.hub.locked(|state| {
                let watchers = &state.streams[self.key].watchers;
                let some: Vec<usize> = watchers.values().take(CLOSE_STEP).copied().collect();
                for key in &some {
                    state.remove(*key);
                }
                let done = some.len() < CLOSE_STEP;
                if done {
                    state.streams.remove(self.key);
                }
                done
            });
            if done {
                return;
            }
        }
    }
}

/// The range of a request, copied: a watcher lives long, and must not keep the request's buffer alive.
fn range_of(request: &WatchCreateRequest) -> KeyRange {
    // An empty key stands for the smallest one.
    let key = if request.key.is_empty() { &[0][..] } else { &request.key[..] };
    KeyRange::new(Bytes::copy_from_slice(key), Bytes::copy_from_slice(&request.range_end))
}

fn wish_of(request: &WatchCreateRequest, range: KeyRange) -> Wish {
    Wish {
        range,
        start: request.start_revision,
        filter: Filter {
            no_put: request.filters.contains(&FilterType::Noput.into()),
            no_delete: request.filters.contains(&FilterType::Nodelete.into()),
        },
        previous: request.prev_kv,
        fragment: request.fragment,
        progress: request.progress_notify,
    }
}
