//! What the `raft` crate has to say goes to our log.

use std::fmt::{Arguments, Write};

use slog::{Drain, KV, Key, Level, Logger, Never, OwnedKVList, Record, Serializer};

/// Forwards to `tracing`, with the key-value pairs in the text.
struct Bridge;

#[derive(Default)]
struct Pairs(String);

impl Serializer for Pairs {
    fn emit_arguments(&mut self, key: Key, value: &Arguments<'_>) -> slog::Result {
        write!(self.0, " {key}={value}").map_err(Into::into)
    }
}

fn enabled(level: Level) -> bool {
    match level {
        Level::Critical | Level::Error => tracing::enabled!(target: "raft", tracing::Level::ERROR),
        Level::Warning => tracing::enabled!(target: "raft", tracing::Level::WARN),
        Level::Info => tracing::enabled!(target: "raft", tracing::Level::INFO),
        Level::Debug => tracing::enabled!(target: "raft", tracing::Level::DEBUG),
        Level::Trace => tracing::enabled!(target: "raft", tracing::Level::TRACE),
    }
}

impl Drain for Bridge {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
        if !enabled(record.level()) {
            return Ok(());
        }
        let mut pairs = Pairs::default();
        // A value that cannot be printed is left out; the message is what matters.
        let _ = record.kv().serialize(record, &mut pairs);
        let (text, pairs) = (record.msg(), pairs.0);
        match record.level() {
            Level::Critical | Level::Error => tracing::error!(target: "raft", "{text}{pairs}"),
            Level::Warning => tracing::warn!(target: "raft", "{text}{pairs}"),
            Level::Info => tracing::info!(target: "raft", "{text}{pairs}"),
            Level::Debug => tracing::debug!(target: "raft", "{text}{pairs}"),
            Level::Trace => tracing::trace!(target: "raft", "{text}{pairs}"),
        }
        Ok(())
    }
}

pub(super) fn logger() -> Logger {
    Logger::root(Bridge, slog::o!())
}
