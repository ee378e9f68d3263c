//! The model's watchers, and its memory of all that ever happened.

use crate::{
    model::is_below,
    told::{Refused, Told},
};

/// How many changes back a watcher may ask for.
const KEPT: u64 = 1000;

/// Somebody who waits, or has waited.
pub(crate) struct Waiter {
    pub(crate) path: String,
    pub(crate) recursive: bool,
    pub(crate) stream: bool,
    pub(crate) since: u64,
    pub(crate) is_waiting: bool,
    pub(crate) heard: Vec<Told>,
}

/// Those who wait, and what they may ask for.
pub(crate) struct Waiting {
    /// The change of index `i` is at `i - 1`; `None` if it happened elsewhere.
    history: Vec<Option<Told>>,
    pub(crate) waiters: Vec<Waiter>,
}

/// Whether a part of `key` below `from` begins with an underscore.
fn is_hidden(key: &str, from: &str) -> bool {
    is_below(key, from)
        && key[from.len()..].trim_start_matches('/').split('/').any(|part| part.starts_with('_'))
}

impl Waiting {
    pub(crate) fn after(index: u64) -> Self {
        Waiting { history: (0..index).map(|_| None).collect(), waiters: Vec::new() }
    }

    /// Somebody waits for the first change of `path` since then (0: from now on).
    pub(crate) fn watch(
        &mut self,
        path: &str,
        recursive: bool,
        stream: bool,
        since: u64,
    ) -> Result<(), Refused> {
        let index = self.history.len() as u64;
        let since = if since == 0 { index + 1 } else { since };
        let oldest = (index + 1).saturating_sub(KEPT).max(1);
        if since < oldest {
            let cause = format!("the requested history has been cleared [{oldest}/{since}]");
            return Err(Refused { code: 401, cause, index });
        }
        let past = self.history.iter().skip((since - 1) as usize).flatten();
        let found = past.filter(|told| !told.quiet).find(|told| {
            let key = &told.node.key;
            let dir_went = told.action == "delete" || told.action == "expire";
            let dir_went = dir_went && told.prev.as_ref().is_some_and(|prev| prev.dir);
            // The beginning of a path is enough then, even if it ends within a name.
            key == path || recursive && is_below(key, path) || dir_went && path.starts_with(key)
        });
        // Who finds something in the past hears of that one change, as a stream also.
        let heard: Vec<_> = found.cloned().into_iter().collect();
        let (path, is_waiting) = (path.to_owned(), heard.is_empty());
        self.waiters.push(Waiter { path, recursive, stream, since, is_waiting, heard });
        Ok(())
    }

    pub(crate) fn remember(&mut self, told: Option<Told>) {
        self.history.push(told);
    }

    /// Tells a change to those at its place and above it.
    pub(crate) fn tell(&mut self, told: &Told) {
        self.remember(Some(told.clone()));
        if told.quiet {
            return;
        }
        let key = told.node.key.clone();
        self.tell_if(told, |waiter| {
            let above = waiter.recursive && is_below(&key, &waiter.path) && !is_hidden(&key, &waiter.path);
            waiter.path == key || above
        });
    }

    /// Tells a removal to those at a place that is gone.
    pub(crate) fn tell_of_removed(&mut self, told: &Told, gone: &[String]) {
        self.tell_if(told, |waiter| gone.contains(&waiter.path));
    }

    fn tell_if(&mut self, told: &Told, hears: impl Fn(&Waiter) -> bool) {
        for waiter in self.waiters.iter_mut().filter(|waiter| waiter.is_waiting) {
            if told.node.modified >= waiter.since && hears(waiter) {
                waiter.heard.push(told.clone());
                waiter.is_waiting = waiter.stream;
            }
        }
    }
}
