//! What is to be watched: the arguments of `watch`, or a line of its interactive mode.

use crate::{
    args::{Flag, Matches, parse},
    go::scan::split_words,
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::WatchCreateRequest;

pub(super) static INTERACTIVE: Flag =
    Flag::switch("interactive", "read what to watch from standard input").short('i');
pub(super) static PREFIX: Flag = Flag::switch("prefix", "watch all keys that start with this one");
pub(super) static PREV_KV: Flag = Flag::switch("prev-kv", "show keys and values as they were before, too");
pub(super) static PROGRESS_NOTIFY: Flag =
    Flag::switch("progress-notify", "show from time to time how far the watch has come");
pub(super) static REV: Flag = Flag::int("rev", "watch from this revision on");

pub(super) static FLAGS: &[&Flag] = &[&INTERACTIVE, &PREFIX, &PREV_KV, &PROGRESS_NOTIFY, &REV];

/// A watch, and the command to run for each event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WatchLine {
    /// Key, and end of a range.
    pub(super) keys: Vec<Vec<u8>>,
    /// The command and its arguments; empty for none.
    pub(super) exec: Vec<Vec<u8>>,
    prefix: bool,
    prev_kv: bool,
    progress_notify: bool,
    revision: i64,
}

/// What the environment says about keys.
#[derive(Clone, Debug, Default)]
pub(super) struct KeysFromEnvironment {
    pub(super) key: Vec<u8>,
    pub(super) range_end: Vec<u8>,
}

/// A line of the interactive mode.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum InteractiveLine {
    /// Start a watch.
    Watch(WatchLine),
    /// Ask how far the watches have come.
    Progress,
    /// Nothing that can be done: say this, and go on.
    Wrong(String),
}

const BAD_NUMBER: &str = "bad number of arguments";

impl WatchLine {
    /// Reads flags and arguments. What follows `--` is the command.
    pub(super) fn new(matches: &Matches, environment: &KeysFromEnvironment) -> Result<Self, &'static str> {
        let before = matches.args_before_dashes.unwrap_or(matches.args.len());
        let (keys, exec) = matches.args.split_at(before);
        if matches.args_before_dashes.is_some() && exec.is_empty() {
            return Err("bad number of arguments (found separator --, but no commands)");
        }
        let mut keys = keys.to_vec();
        if !environment.key.is_empty() {
            if !keys.is_empty() {
                return Err("bad number of arguments (found conflicting environment key)");
            }
            keys.push(environment.key.clone());
            if !environment.range_end.is_empty() {
                keys.push(environment.range_end.clone());
            }
        }
        Ok(WatchLine {
            keys,
            exec: exec.to_vec(),
            prefix: matches.bool(&PREFIX),
            prev_kv: matches.bool(&PREV_KV),
            progress_notify: matches.bool(&PROGRESS_NOTIFY),
            revision: matches.int(&REV),
        })
    }

    /// The request that this stands for.
    pub(super) fn request(&self) -> Result<WatchCreateRequest, &'static str> {
        let (key, end) = match &self.keys[..] {
            [] => return Err(BAD_NUMBER),
            [_, _] if self.prefix => return Err("`range_end` and `--prefix` are mutually exclusive"),
            [key, end] => (key, Some(end)),
            [key, ..] => (key, None),
        };
        let (key, range_end) = super::get::key_range(key, end.map(Vec::as_slice), self.prefix, false);
        Ok(WatchCreateRequest {
            // The empty key is the first one: it is no key that can be written.
            key: if key.is_empty() { Bytes::from_static(&[0]) } else { key },
            range_end,
            start_revision: self.revision,
            progress_notify: self.progress_notify,
            prev_kv: self.prev_kv,
            ..WatchCreateRequest::default()
        })
    }
}

/// Reads a line of the interactive mode, without its end. An error ends the program.
pub(super) fn parse_interactive(
    line: &[u8],
    environment: &KeysFromEnvironment,
) -> Result<InteractiveLine, String> {
    let shown = String::from_utf8_lossy(line);
    let words = split_words(line)?;
    Ok(match words.first().map(Vec::as_slice) {
        None => InteractiveLine::Wrong(format!("Invalid command: {shown} (watch and progress supported)")),
        Some(b"progress") => InteractiveLine::Progress,
        Some(b"watch") if words.len() < 2 && environment.key.is_empty() => {
            InteractiveLine::Wrong(format!("Invalid command {shown} (command type or key is not provided)"))
        }
        Some(b"watch") => {
            let matches = parse(FLAGS, &words[1..]).map_err(|error| error.0)?;
            let watch = WatchLine::new(&matches, environment)?;
            if watch.keys.is_empty() && watch.exec.is_empty() {
                return Err(BAD_NUMBER.to_owned());
            }
            match watch.request() {
                Ok(_) => InteractiveLine::Watch(watch),
                Err(problem) => InteractiveLine::Wrong(format!("Invalid command {shown} ({problem})")),
            }
        }
        Some(_) => InteractiveLine::Wrong(format!("Invalid command {shown} (only support watch)")),
    })
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
