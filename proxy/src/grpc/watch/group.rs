//! Watchers of the same keys, and the one watch that they share.

use crate::grpc::metrics::Metrics;
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{WatchCreateRequest, WatchResponse};
use oxetcd_client::{Namespace, Watch, WatchUpdate};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::mpsc;

/// Updates that wait for one watcher; one that takes no more leaves the group.
const QUEUE: usize = 64;

/// What watchers must have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) key: Bytes,
    pub(super) range_end: Bytes,
    pub(super) token: Option<Vec<u8>>,
    pub(super) wants_leader: bool,
}

/// All groups.
pub(super) struct Groups {
    by_key: Mutex<HashMap<Key, Weak<Group>>>,
    metrics: Arc<Metrics>,
}

/// One group. It lives as long as a watcher is in it.
pub(super) struct Group {
    members: Mutex<Members>,
    task: Mutex<Option<tokio::task::AbortHandle>>,
    ids: AtomicU64,
    metrics: Arc<Metrics>,
}

struct Members {
    by_id: HashMap<u64, mpsc::Sender<Arc<WatchUpdate>>>,
    /// The first revision whose events were not handed out yet.
    next: i64,
    /// The watch is over: nobody may join any more.
    over: bool,
}

/// What a watcher gets of a group.
pub(super) struct Joined {
    /// Events and other answers. It ends when the watcher was too slow.
    pub(super) updates: mpsc::Receiver<Arc<WatchUpdate>>,
    /// The first revision of which the watcher is to get events.
    pub(super) from: i64,
    /// Membership ends with this.
    pub(super) membership: Membership,
}

/// A place in a group.
pub(super) struct Membership {
    id: u64,
    group: Arc<Group>,
}

impl Groups {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Groups { by_key: Mutex::default(), metrics }
    }

    /// Joins the group of `key`, or makes it, for events behind the revision `now`.
    pub(super) fn join(&self, key: Key, keys: &Namespace, now: i64) -> Joined {
        let mut by_key = self.by_key.lock();
        let found = by_key.get(&key).and_then(Weak::upgrade).and_then(|group| group.join(now));
        if let Some(joined) = found {
            return joined;
        }
        by_key.retain(|_, group| group.strong_count() > 0);
        let group = Arc::new(Group {
            members: Mutex::new(Members { by_id: HashMap::new(), next: now + 1, over: false }),
            task: Mutex::default(),
            ids: AtomicU64::new(0),
            metrics: self.metrics.clone(),
        });
        let watch = keys.watch(WatchCreateRequest {
            key: key.key.clone(),
            range_end: key.range_end.clone(),
            start_revision: now + 1,
            progress_notify: true,
            prev_kv: true,
            ..Default::default()
        });
        let task = tokio::spawn(hand_out(Arc::downgrade(&group), watch));
        *group.task.lock() = Some(task.abort_handle());
        by_key.insert(key, Arc::downgrade(&group));
        let joined = group.join(now);
        joined.expect("a group that nobody else knows yet is not over")
    }
}

impl Group {
    /// `None` when its watch is over.
    fn join(self: &Arc<Self>, now: i64) -> Option<Joined> {
        let mut members = self.members.lock();
        if members.over {
            return None;
        }
        let (sender, updates) = mpsc::channel(QUEUE);
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        members.by_id.insert(id, sender);
        if members.by_id.len() > 1 {
            self.metrics.watchers_coalescing.inc();
        }
        // What the others have got already is before this watcher's time.
        let from = members.next.max(now + 1);
        Some(Joined { updates, from, membership: Membership { id, group: self.clone() } })
    }

    fn leave(&self, members: &mut Members, id: u64) {
        if members.by_id.remove(&id).is_some() && !members.by_id.is_empty() {
            self.metrics.watchers_coalescing.dec();
        }
    }

    fn hand(&self, update: &Arc<WatchUpdate>) {
        let mut members = self.members.lock();
        members.next = members.next.max(last_revision(&update.response) + 1);
        members.over |= update.error.is_some();
        let slow: Vec<u64> = members
            .by_id
            .iter()
            .filter(|(_, sender)| sender.try_send(update.clone()).is_err())
            .map(|(id, _)| *id)
            .collect();
        slow.into_iter().for_each(|id| self.leave(&mut members, id));
        let shared = (members.by_id.len() as u64).saturating_sub(1);
        self.metrics.events_coalescing.inc_by(shared * update.response.events.len() as u64);
    }
}

/// Up to which revision a watcher has everything that it was to get, once it has this; 0 when it does not say.
pub(super) fn last_revision(response: &WatchResponse) -> i64 {
    // The header tells of the member's present, which can be ahead of the events.
    match response.events.last() {
        Some(event) => event.kv.as_ref().map_or(0, |kv| kv.mod_revision),
        None if response.created || response.canceled => 0,
        None => response.header.map_or(0, |header| header.revision),
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.group.leave(&mut self.group.members.lock(), self.id);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut() {
            task.abort();
        }
    }
}

/// Hands out what the watch gets, as long as there is a group.
async fn hand_out(group: Weak<Group>, mut watch: Watch) {
    while let Some(update) = watch.next().await {
        let Some(group) = group.upgrade() else { return };
        group.hand(&Arc::new(update));
    }
    // Watchers of a watch that ended without a word go on by themselves.
    if let Some(group) = group.upgrade() {
        let mut members = group.members.lock();
        members.over = true;
        let all: Vec<u64> = members.by_id.keys().copied().collect();
        all.into_iter().for_each(|id| group.leave(&mut members, id));
    }
}
