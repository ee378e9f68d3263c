//! Lists and objects as values of fields.
//!
//! `tracing` knows numbers, booleans, text and errors. A JSON value travels as an error, the one kind of value
//! that a subscriber can ask for its concrete type; nothing that a user types can be mistaken for one.

use serde::Serialize;
use serde_json::Value;
use std::{error::Error, fmt};

/// A JSON value on its way into a log line.
#[derive(Clone, Debug)]
pub struct Json(pub(super) Value);

/// Makes a field of a list or an object: `"listen-client-urls" = json(&urls).value()`.
///
/// What cannot be serialised shows as the reason why.
pub fn json(value: &(impl Serialize + ?Sized)) -> Json {
    let failed = |error: serde_json::Error| Value::String(format!("not shown: {error}"));
    Json(serde_json::to_value(value).unwrap_or_else(failed))
}

impl Json {
    /// In the form that a `tracing` macro takes.
    pub fn value(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Json {}

/// Fields whose names are known at run time only; they become fields of the line itself.
#[derive(Clone, Debug)]
pub(super) struct Fields(pub(super) Vec<(&'static str, Value)>);

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Error for Fields {}
