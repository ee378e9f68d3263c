//! What stands for traces in a program that was built without them (feature `otlp`).

use crate::config::TracingConfig;
use http::HeaderMap;
use tonic::Code;

/// No traces.
#[derive(Debug, Default)]
pub(crate) struct Traces;

/// No span.
pub(crate) enum Span {}

impl Traces {
    /// # Errors
    /// Always: who asks for traces is to know that there are none.
    pub(crate) fn start(&self, _: &TracingConfig) -> Result<(), String> {
        Err("--enable-distributed-tracing: this program was built without traces (feature otlp)".to_owned())
    }

    pub(crate) fn begin(&self, _: &str, _: &HeaderMap) -> Option<Span> {
        None
    }

    pub(crate) fn stop(&self) {}
}

impl Span {
    pub(crate) fn end(self, _: Code) {
        match self {}
    }
}
