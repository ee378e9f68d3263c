//! From a `tracing` event to a line in every queue.

use super::{
    Format, Level,
    json::{Fields, Json},
    line::{self, Line},
    sampler::Sampler,
    sink::Sink,
};
use std::{
    error::Error,
    fmt::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Layer};

/// Target of events that the process ends over: `tracing::error!(target: FATAL, ...)`.
pub const FATAL: &str = "fatal";

/// What all places that log share.
pub(super) struct Core {
    level: AtomicU8,
    format: Format,
    sampler: Sampler,
    sinks: Vec<Sink>,
}

impl Core {
    pub(super) fn new(level: Level, format: Format, sinks: Vec<Sink>) -> Self {
        Core { level: AtomicU8::new(level as u8), format, sampler: Sampler::new(), sinks }
    }

    pub(super) fn level(&self) -> Level {
        Level::from_u8(self.level.load(Ordering::Relaxed))
    }

    pub(super) fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    pub(super) fn flush(&self) {
        self.sinks.iter().for_each(Sink::flush);
    }

    pub(super) fn dropped_lines(&self) -> u64 {
        self.sinks.iter().map(Sink::dropped_lines).sum()
    }

    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let shown = level_of(metadata).is_some_and(|level| level >= self.level());
        // Libraries tell every frame at debug level; that is for their authors.
        shown && (*metadata.level() <= tracing::Level::INFO || ours(metadata.target()))
    }

    fn write(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let Some(level) = level_of(metadata) else { return };
        if level < Level::Error && !self.sampler.takes(&metadata.callsite()) {
            return;
        }
        let mut parts = Parts { line: Line::new(self.format), message: String::new() };
        event.record(&mut parts);
        let caller = line::caller(metadata.file(), metadata.line());
        let line: Arc<[u8]> = parts.line.finish(level, &caller, &parts.message).into();
        for sink in &self.sinks {
            sink.send(line.clone());
        }
    }
}

fn level_of(metadata: &Metadata<'_>) -> Option<Level> {
    if metadata.target() == FATAL {
        return Some(Level::Fatal);
    }
    match *metadata.level() {
        tracing::Level::ERROR => Some(Level::Error),
        tracing::Level::WARN => Some(Level::Warn),
        tracing::Level::INFO => Some(Level::Info),
        tracing::Level::DEBUG => Some(Level::Debug),
        _ => None,
    }
}

fn ours(target: &str) -> bool {
    target.starts_with("oxetcd") || target.starts_with("etcd") || target == FATAL
}

/// The layer that writes the log.
pub(super) struct ZapLayer(pub(super) Arc<Core>);

impl<S: Subscriber> Layer<S> for ZapLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if !metadata.is_span() && self.0.shows(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Nor is a question whether an event would be shown: that has a kind of its own.
        !metadata.is_span() && self.0.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.level() {
            Level::Debug => LevelFilter::DEBUG,
            Level::Info => LevelFilter::INFO,
            Level::Warn => LevelFilter::WARN,
            _ => LevelFilter::ERROR,
        })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.write(event);
    }
}

/// Takes the fields of an event; the one called `message` is the message.
struct Parts {
    line: Line,
    message: String,
}

impl Visit for Parts {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity; zap writes them as text.
        if value.is_finite() {
            self.line.field(field.name(), &value);
        } else {
            self.line.field(field.name(), &value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.line.field(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.line.field(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.line.field(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.line.field(field.name(), value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if let Some(Json(value)) = value.downcast_ref() {
            return self.line.field(field.name(), value);
        }
        if let Some(Fields(fields)) = value.downcast_ref() {
            return fields.iter().for_each(|(name, value)| self.line.field(name, value));
        }
        self.line.field(field.name(), &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.line.field(field.name(), &format!("{value:?}"));
        }
    }
}
