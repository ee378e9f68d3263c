//! The rights behind the watchers of one stream.
//!
//! A watcher outlives the look at its rights, so these are looked at again whenever users or roles have changed: by the half of the
//! stream that listens, which is told of changes, and by the half that answers, before it hands anything out. The second is
//! what counts: a change of rights is in the log before the events that follow it, so whoever holds such an event in its hands
//! sees the change too, and what was queued for a watcher that had to end is dropped.

use super::Read;
use crate::{access, status};
use http::Extensions;
use oxetcd_api::KeyRange;
use oxetcd_auth::{AuthError, Caller};
use oxetcd_machine::Machine;
use oxetcd_watch::{ReplyBody, Stream, WatchReply};
use parking_lot::Mutex;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tonic::Status;

/// Whose rights the watchers of a stream stand on.
pub(super) struct Rights<M> {
    member: Arc<M>,
    stream: Arc<Stream>,
    watchers: Mutex<Watchers>,
    /// The state of users and roles that the watchers were judged by: see [`state`].
    judged: AtomicU64,
}

#[derive(Default)]
struct Watchers {
    /// Those that somebody's rights allowed: whose, and what they see.
    allowed: Vec<(i64, String, KeyRange)>,
    /// Those that had to end, and the client does not know yet.
    ended: HashSet<i64>,
}

/// Revision of users and roles, and whether they count.
fn state(machine: &Machine) -> u64 {
    let auth = machine.auth();
    auth.revision() << 1 | u64::from(auth.is_enabled())
}

fn may_watch(machine: &Machine, caller: Option<&Caller>, range: &KeyRange) -> Result<(), AuthError> {
    let (key, range_end): (&[u8], &[u8]) = match range {
        KeyRange::Single(key) => (key, &[]),
        KeyRange::Between(key, end) => (key, end),
        KeyRange::From(key) => (key, &[0]),
    };
    access::permissions(machine, caller.cloned()).read(key, range_end)
}

/// A status as etcd writes it into the reason for a watcher's end.
fn reason(status: &Status) -> String {
    format!("rpc error: code = {:?} desc = {}", status.code(), status.message())
}

impl<M: Read> Rights<M> {
    pub(super) fn new(member: Arc<M>, stream: Arc<Stream>) -> Self {
        Rights { member, stream, watchers: Mutex::default(), judged: AtomicU64::new(0) }
    }

    /// Makes a watcher with `create`, which asks whether its range may be watched, and answers with its id. `shown` is what the
    /// caller has shown.
    pub(super) async fn create(
        &self,
        shown: &Extensions,
        create: impl FnOnce(&mut dyn FnMut(&KeyRange) -> Result<(), String>) -> Option<i64>,
    ) {
        let caller = access::caller(&*self.member, shown).await.map_err(|status| reason(&status));
        let machine = self.member.machine();
        let mut seen = None;
        // Held until the watcher is known here: the answering half must not overlook it.
        let mut watchers = self.watchers.lock();
        let created = create(&mut |range| {
            let caller = caller.clone()?;
            let may = may_watch(&machine, caller.as_ref(), range);
            may.map_err(|error| reason(&status::of_auth(&error)))?;
            seen = caller.map(|caller| (caller.name, range.clone()));
            Ok(())
        });
        if let (Some(id), Some((name, range))) = (created, seen) {
            watchers.allowed.push((id, name, range));
            // They may have been taken away between the look at them and the watcher's creation.
            self.judge_all(&mut watchers);
        }
    }

    /// The client has cancelled a watcher.
    pub(super) fn forget(&self, id: i64) {
        self.watchers.lock().allowed.retain(|(known, ..)| *known != id);
    }

    /// Ends the watchers that their users may no longer have, if anything has changed.
    pub(super) fn judge(&self) {
        if self.judged.load(Ordering::Acquire) != state(&self.member.machine()) {
            self.judge_all(&mut self.watchers.lock());
        }
    }

    fn judge_all(&self, watchers: &mut Watchers) {
        let machine = self.member.machine();
        let state = state(&machine);
        let Watchers { allowed, ended } = watchers;
        allowed.retain(|(id, name, range)| {
            let caller = Caller::new(name.clone(), machine.auth().revision());
            match may_watch(&machine, Some(&caller), range) {
                Err(denied @ AuthError::PermissionDenied) => {
                    if self.stream.end(*id, reason(&status::of_auth(&denied))) {
                        ended.insert(*id);
                    }
                    false
                }
                // Another change in between: it is looked at again for that one.
                _ => true,
            }
        });
        self.judged.store(state, Ordering::Release);
    }

    /// Whether the client may have a reply that was queued for it. Judge before.
    pub(super) fn shows(&self, reply: &WatchReply) -> bool {
        let mut watchers = self.watchers.lock();
        if !watchers.ended.contains(&reply.watch_id) {
            return true;
        }
        match reply.body {
            ReplyBody::Ended(_) | ReplyBody::Canceled => {
                watchers.ended.remove(&reply.watch_id);
                true
            }
            ReplyBody::Created | ReplyBody::Refused(_) => true,
            ReplyBody::Compacted(_) | ReplyBody::Progress | ReplyBody::Events(_) => false,
        }
    }
}
