//! The state of a stream of watches, without the stream.
//!
//! Watches are asked for one after the other: an answer to a request carries no mark of it, so only one may be open.
//! Every delivered answer moves the watch's start revision behind it; after a broken connection the same requests, with
//! those revisions, continue exactly where the stream ended: no event is lost, none comes twice.

use super::WatchUpdate;
use crate::{Error, error};
use oxetcd_api::etcdserverpb::{
    ResponseHeader, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest,
    WatchResponse, watch_request::RequestUnion,
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Watch id of answers that are about no watch, or about all.
const NO_ID: i64 = -1;

/// What is to be done after an input.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Send this to the server.
    Send(WatchRequest),
    /// Hand this to the watch of that key.
    Deliver(u64, WatchUpdate),
    /// Nothing more comes for the watch of that key.
    End(u64),
}

/// All watches of a stream.
#[derive(Default)]
pub(super) struct Session {
    watches: BTreeMap<u64, Entry>,
    /// Keys of watches that the server does not know yet, in order of creation; the first has been asked for.
    starting: VecDeque<u64>,
    keys: HashMap<i64, u64>,
    /// Ids that were cancelled by us; answers under way for them are dropped.
    partial: Option<WatchResponse>,
}

struct Entry {
    request: WatchCreateRequest,
    id: Option<i64>,
}

impl Session {
    /// A new watch.
    pub(super) fn create(&mut self, key: u64, mut request: WatchCreateRequest) -> Option<Action> {
        request.watch_id = 0;
        self.watches.insert(key, Entry { request, id: None });
        self.starting.push_back(key);
        if self.starting.len() == 1 { self.next_create() } else { None }
    }

    /// The watch is no longer wanted.
    pub(super) fn cancel(&mut self, key: u64) -> Option<Action> {
        // A watch that has been asked for and not confirmed is cancelled when its id is known.
        let id = self.watches.remove(&key)?.id?;
        self.keys.remove(&id);
        Some(cancel_request(id))
    }

    /// A request for progress, of all watches.
    pub(super) fn progress() -> WatchRequest {
        WatchRequest { request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})) }
    }

    /// There is a new connection: what to send first.
    pub(super) fn connected(&mut self) -> Option<Action> {
        self.keys.clear();
        self.partial = None;
        for entry in self.watches.values_mut() {
            entry.id = None;
        }
        self.starting = self.watches.keys().copied().collect();
        self.next_create()
    }

    /// Ends all watches with an error.
    pub(super) fn fail(&mut self, error: &Error) -> Vec<Action> {
        let watches = std::mem::take(&mut self.watches);
        self.starting.clear();
        self.keys.clear();
        watches.into_keys().flat_map(|key| refused(key, error.clone())).collect()
    }

    /// The server says something.
    pub(super) fn received(&mut self, response: WatchResponse) -> Vec<Action> {
        if response.created {
            return self.created(response);
        }
        if response.canceled && response.compact_revision == 0 {
            self.partial = None;
            let key = self.forget(response.watch_id);
            return key.map(Action::End).into_iter().collect();
        }
        let Some(response) = self.defragment(response) else { return Vec::new() };
        let header_revision = response.header.map_or(0, |header| header.revision);
        let update = WatchUpdate { error: end_of(&response), response };
        if update.response.watch_id == NO_ID && update.is_progress() {
            return self.progressed(&update, header_revision);
        }
        let id = update.response.watch_id;
        let Some(&key) = self.keys.get(&id) else { return Vec::new() };
        if update.error.is_some() {
            self.forget(id);
            return vec![Action::Deliver(key, update), Action::End(key)];
        }
        if let Some(entry) = self.watches.get_mut(&key) {
            let last = update.response.events.last().and_then(|event| event.kv.as_ref());
            let seen = last.map_or(header_revision, |kv| kv.mod_revision);
            // Never back: a watch may wait for a revision that is yet to come, and hear how far it is.
            entry.request.start_revision = entry.request.start_revision.max(seen + 1);
        }
        vec![Action::Deliver(key, update)]
    }

    fn created(&mut self, response: WatchResponse) -> Vec<Action> {
        self.partial = None;
        let mut actions = Vec::new();
        if let Some(key) = self.starting.pop_front() {
            let refusal =
                response.watch_id == NO_ID || (response.canceled && !response.cancel_reason.is_empty());
            match self.watches.get_mut(&key) {
                // Cancelled while it was being created.
                None if !refusal => actions.push(cancel_request(response.watch_id)),
                None => {}
                Some(_) if refusal => {
                    self.watches.remove(&key);
                    actions.extend(refused(key, Error::from_reason(&response.cancel_reason)));
                }
                Some(entry) => {
                    entry.id = Some(response.watch_id);
                    self.keys.insert(response.watch_id, key);
                    if entry.request.start_revision == 0 {
                        let now = response.header.map_or(0, |header| header.revision);
                        entry.request.start_revision = now + 1;
                    }
                }
            }
        }
        actions.extend(self.next_create());
        actions
    }

    /// Puts the fragments of an answer together; `None` until the last is there.
    fn defragment(&mut self, mut response: WatchResponse) -> Option<WatchResponse> {
        if let Some(mut whole) = self.partial.take().filter(|whole| whole.watch_id == response.watch_id) {
            whole.events.append(&mut response.events);
            whole.fragment = response.fragment;
            response = whole;
        }
        if response.fragment {
            self.partial = Some(response);
            return None;
        }
        Some(response)
    }

    /// Everything up to this revision has been sent to every watch.
    fn progressed(&mut self, update: &WatchUpdate, revision: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        for (key, entry) in self.watches.iter_mut().filter(|(_, entry)| entry.id.is_some()) {
            entry.request.start_revision = entry.request.start_revision.max(revision + 1);
            actions.push(Action::Deliver(*key, update.clone()));
        }
        actions
    }

    fn forget(&mut self, id: i64) -> Option<u64> {
        let key = self.keys.remove(&id)?;
        self.watches.remove(&key);
        Some(key)
    }

    fn next_create(&mut self) -> Option<Action> {
        while let Some(key) = self.starting.front() {
            if let Some(entry) = self.watches.get(key) {
                let request = Some(RequestUnion::CreateRequest(entry.request.clone()));
                return Some(Action::Send(WatchRequest { request_union: request }));
            }
            self.starting.pop_front();
        }
        None
    }
}

fn cancel_request(watch_id: i64) -> Action {
    let request = Some(RequestUnion::CancelRequest(WatchCancelRequest { watch_id }));
    Action::Send(WatchRequest { request_union: request })
}

/// The error that an answer stands for, if it ends its watch.
fn end_of(response: &WatchResponse) -> Option<Error> {
    if response.compact_revision != 0 {
        return Some(Error::etcd(error::COMPACTED));
    }
    response.canceled.then(|| Error::etcd(error::FUTURE_REVISION))
}

/// A watch that ends without an answer of its own.
fn refused(key: u64, error: Error) -> [Action; 2] {
    let header = Some(ResponseHeader::default());
    let response = WatchResponse { header, canceled: true, ..WatchResponse::default() };
    [Action::Deliver(key, WatchUpdate { response, error: Some(error) }), Action::End(key)]
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
