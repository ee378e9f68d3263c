//! Following an election.
//!
//! Two states in turn. Nobody leads, or it is not known who: look, and if there is nobody, watch the whole line for the
//! first who comes. Somebody leads: watch that one key, for new words and for its end. Leaders that were short-lived
//! may be missed; the last one never is.

use crate::{Error, Kv, ops};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use oxetcd_api::{
    etcdserverpb::{ResponseHeader, WatchCreateRequest, WatchResponse},
    mvccpb::{KeyValue, event::EventType},
};
use std::{collections::VecDeque, fmt};

/// What a leader said.
#[derive(Clone, Debug, PartialEq)]
pub struct Proclamation {
    /// At which revision that was known.
    pub header: ResponseHeader,
    /// The leader's key, with its words as the value.
    pub kv: KeyValue,
}

/// The words of leaders, one after the other.
pub struct Observer<K: Kv> {
    kv: K,
    line: Bytes,
    /// Changes of the leader's key, once there is one.
    leader: Option<BoxStream<'static, Result<WatchResponse, K::Error>>>,
    ready: VecDeque<Proclamation>,
}

impl<K: Kv> Observer<K> {
    pub(crate) fn new(kv: K, line: Bytes) -> Self {
        Observer { kv, line, leader: None, ready: VecDeque::new() }
    }

    /// The next words; the first are those of the leader of now, if there is one. Waits while nobody leads.
    /// If the future is dropped, nothing is lost but what a later leader's words replace.
    ///
    /// # Errors
    /// Any error of the store. The next call begins anew.
    pub async fn next(&mut self) -> Result<Proclamation, Error<K::Error>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(ready);
            }
            match self.leader.as_mut() {
                None => self.find().await?,
                Some(changes) => match changes.next().await {
                    Some(Ok(change)) => self.take(change),
                    Some(Err(error)) => {
                        self.leader = None;
                        return Err(Error::Store(error));
                    }
                    None => {
                        self.leader = None;
                        return Err(Error::WatchLost);
                    }
                },
            }
        }
    }

    /// Looks who leads, or waits until somebody does.
    async fn find(&mut self) -> Result<(), Error<K::Error>> {
        let found = self.kv.range(ops::first(&self.line)).await?;
        let header = found.header.unwrap_or_default();
        let first = match found.kvs.into_iter().next() {
            Some(kv) => Some(Proclamation { header, kv }),
            None => self.wait_for_first(header.revision + 1).await?,
        };
        let Some(first) = first else { return Ok(()) };
        let request = WatchCreateRequest {
            key: first.kv.key.clone(),
            start_revision: first.header.revision + 1,
            ..WatchCreateRequest::default()
        };
        self.leader = Some(self.kv.watch(request));
        self.ready.push_back(first);
        Ok(())
    }

    /// The first who joins the line at `from` or later; `None` when history was lost meanwhile.
    async fn wait_for_first(&mut self, from: i64) -> Result<Option<Proclamation>, Error<K::Error>> {
        let whole = ops::all(&self.line);
        let request = WatchCreateRequest {
            key: whole.key,
            range_end: whole.range_end,
            start_revision: from,
            ..WatchCreateRequest::default()
        };
        let mut changes = self.kv.watch(request);
        while let Some(change) = changes.next().await {
            let change = change?;
            if change.compact_revision != 0 {
                return Ok(None);
            }
            let header = change.header.unwrap_or_default();
            let put = change.events.into_iter().find(|event| event.r#type() == EventType::Put);
            if let Some(kv) = put.and_then(|event| event.kv) {
                // Of several changes in one answer the header tells the last; what follows must not be missed.
                return Ok(Some(Proclamation {
                    header: ResponseHeader { revision: kv.mod_revision, ..header },
                    kv,
                }));
            }
        }
        Err(Error::WatchLost)
    }

    fn take(&mut self, change: WatchResponse) {
        let header = change.header.unwrap_or_default();
        for event in change.events {
            let deleted = event.r#type() == EventType::Delete;
            match event.kv {
                Some(kv) if !deleted => self.ready.push_back(Proclamation { header, kv }),
                _ if deleted => {
                    self.leader = None;
                    return;
                }
                _ => {}
            }
        }
        if change.compact_revision != 0 {
            self.leader = None;
        }
    }
}

impl<K: Kv> fmt::Debug for Observer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("line", &self.line).finish_non_exhaustive()
    }
}
