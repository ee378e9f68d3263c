//! Things to say before there is a log: what was read from where, what was ignored.

use super::{
    Format, Level,
    json::Fields,
    line::{self, Line},
};
use serde::Serialize;
use serde_json::Value;
use std::error::Error;

/// A line of the log that waits for the log to be set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How grave it is.
    pub level: Level,
    /// What is said.
    pub message: String,
    /// The fields behind it, in order.
    pub fields: Vec<(&'static str, Value)>,
}

impl Notice {
    /// A notice without fields.
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Notice { level, message: message.into(), fields: Vec::new() }
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.fields.push((name, serde_json::to_value(value).unwrap_or(Value::Null)));
        self
    }

    /// As a line of the default form, for a process that ends before it has a log.
    pub(crate) fn to_line(&self) -> String {
        let mut line = Line::new(Format::Json);
        for (name, value) in &self.fields {
            line.field(name, value);
        }
        let caller = line::caller(Some(file!()), Some(line!()));
        String::from_utf8_lossy(&line.finish(self.level, &caller, &self.message)).into_owned()
    }
}

/// Logs notices, oldest first.
pub fn log_notices(notices: &[Notice]) {
    for notice in notices {
        let fields = Fields(notice.fields.clone());
        let fields: &(dyn Error + 'static) = &fields;
        let message = notice.message.as_str();
        match notice.level {
            Level::Debug => tracing::debug!(fields = fields, "{message}"),
            Level::Info => tracing::info!(fields = fields, "{message}"),
            Level::Warn => tracing::warn!(fields = fields, "{message}"),
            Level::Error => tracing::error!(fields = fields, "{message}"),
            _ => tracing::error!(target: super::FATAL, fields = fields, "{message}"),
        }
    }
}
