//! Watches: the changes of keys, as they happen.
//!
//! A [`Watcher`] is one stream to one member, with any number of [`Watch`]es on it. When the stream breaks, a task opens
//! another, to any member, and asks for every watch again from the revision after the last one that was received.
//! What the task sends and delivers is decided by a state machine without I/O, [`session::Session`].

mod driver;
mod session;

use crate::{Client, Error, namespace::Prefix};
use oxetcd_api::etcdserverpb::{WatchCreateRequest, WatchResponse};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Updates that are kept for a slow reader; then the stream is no longer read, and the server holds the rest back.
const QUEUE: usize = 64;

/// What a watch received.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchUpdate {
    /// The answer of the server. Fragments are put together.
    pub response: WatchResponse,
    /// Why the watch has ended, if it has; nothing comes after this update then.
    pub error: Option<Error>,
}

impl WatchUpdate {
    /// Whether this only says that everything up to its header's revision has been received.
    pub fn is_progress(&self) -> bool {
        let response = &self.response;
        let revision = response.header.map_or(0, |header| header.revision);
        response.events.is_empty()
            && !response.canceled
            && !response.created
            && response.compact_revision == 0
            && revision != 0
    }
}

/// One stream of watches.
#[derive(Debug)]
pub struct Watcher {
    commands: mpsc::UnboundedSender<driver::Command>,
    next_key: AtomicU64,
    /// Put before every key that is asked for.
    prefix: Prefix,
}

/// One watch. Dropping it cancels it.
#[derive(Debug)]
pub struct Watch {
    key: u64,
    updates: mpsc::Receiver<WatchUpdate>,
    /// Taken off every key that comes.
    prefix: Prefix,
    commands: mpsc::UnboundedSender<driver::Command>,
}

impl Client {
    /// Makes a stream of watches. Nothing is sent before the first watch.
    ///
    /// Watches on one stream share its flow: one that is not read holds up the others. Use a watcher for each reader.
    pub fn watcher(&self) -> Watcher {
        let (commands, receiver) = mpsc::unbounded_channel();
        tokio::spawn(driver::run(self.clone(), receiver));
        Watcher { commands, next_key: AtomicU64::new(0), prefix: Prefix::default() }
    }

    /// Watches on a stream of its own.
    pub fn watch(&self, request: WatchCreateRequest) -> Watch {
        self.watcher().watch(request)
    }
}

impl Watcher {
    /// The same stream as a namespace sees it.
    pub(crate) fn below(self, prefix: Prefix) -> Self {
        Watcher { prefix, ..self }
    }

    /// Starts a watch. `watch_id` of the request is chosen by the server.
    pub fn watch(&self, request: WatchCreateRequest) -> Watch {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let (sender, updates) = mpsc::channel(QUEUE);
        let request = self.prefix.watch_request(request);
        // If the task has ended, the sender goes with the command, and the watch is over at once.
        let _ = self.commands.send(driver::Command::Create { key, request: Box::new(request), sender });
        Watch { key, updates, prefix: self.prefix.clone(), commands: self.commands.clone() }
    }

    /// Asks the server how far it is. It answers all watches at once, when none of them is behind.
    pub fn request_progress(&self) {
        let _ = self.commands.send(driver::Command::Progress);
    }
}

impl Watch {
    /// The next update; `None` when the watch has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<WatchUpdate> {
        let mut update = self.updates.recv().await?;
        self.prefix.watch_response(&mut update.response);
        Some(update)
    }

    /// An update that is there already.
    pub fn try_next(&mut self) -> Option<WatchUpdate> {
        let mut update = self.updates.try_recv().ok()?;
        self.prefix.watch_response(&mut update.response);
        Some(update)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.commands.send(driver::Command::Cancel { key: self.key });
    }
}
