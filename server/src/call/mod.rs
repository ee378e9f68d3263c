//! One gRPC call, from its first byte to its status: what is counted and timed about it, and what is said about
//! it in the log when it took long.
//!
//! The hot calls hold a [`Call`] on the stack of their future and count by atomics alone. All others have their
//! bodies wrapped ([`Metered`]), which also sees when a stream ends, however it ends.

mod audited;
mod metered;
mod until;

pub(crate) use audited::Audited;
pub(crate) use metered::{Metered, Sees};
pub(crate) use until::Until;

use crate::{
    describe,
    logging::time_stamp,
    metrics::{GrpcMethod, Metrics},
    net::Remote,
    traces::Span,
};
use bytes::Bytes;
use http::HeaderMap;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tonic::Code;

/// The header in which client libraries say which version they are.
const CLIENT_VERSION: &str = "client-api-version";

/// A call in progress. Dropped before [`Call::end`], it counts as cancelled.
pub(crate) struct Call {
    metrics: Arc<Metrics>,
    /// `None` for a method that does not exist, which is not counted.
    method: Option<Arc<GrpcMethod>>,
    began: Instant,
    ended: bool,
    /// What is kept for the audit log, if there is one.
    audited: Option<Box<Audited>>,
    /// If it is traced.
    span: Option<Span>,
}

/// What there is to say about an ended unary call.
pub(crate) struct Ended<'a> {
    /// Path of its method.
    pub(crate) path: &'a str,
    /// The encoded request, or nothing when it is not to be shown.
    pub(crate) request: Bytes,
    /// Size of the answer, in bytes, if there is one.
    pub(crate) answer_bytes: Option<usize>,
    /// Who called.
    pub(crate) remote: Remote,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Call {
    /// A call of the method at `path` that begins now.
    pub(crate) fn begin(metrics: &Arc<Metrics>, path: &str, headers: &HeaderMap) -> Call {
        let method = metrics.grpc.method(path).cloned();
        let version = headers.get(CLIENT_VERSION).and_then(|version| version.to_str().ok());
        if let Some(method) = &method {
            method.started();
            metrics.server.client_request(version, method.is_stream());
        }
        let span = metrics.traces.begin(path, headers);
        Call { metrics: metrics.clone(), method, began: Instant::now(), ended: false, audited: None, span }
    }

    /// Whether more than one message goes in some direction.
    pub(crate) fn is_stream(&self) -> bool {
        self.method.as_ref().is_some_and(|method| method.is_stream())
    }

    /// `messages` came, of `bytes` together.
    pub(crate) fn received(&self, messages: u64, bytes: usize) {
        if let Some(method) = &self.method {
            method.received(messages);
        }
        self.metrics.network.client_received_bytes.inc_by(bytes as u64);
    }

    /// `messages` went, of `bytes` together.
    pub(crate) fn sent(&self, messages: u64, bytes: usize) {
        if let Some(method) = &self.method {
            method.sent(messages);
        }
        self.metrics.network.client_sent_bytes.inc_by(bytes as u64);
    }

    /// How long it has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Has the call written into an audit log when it ends.
    pub(crate) fn audit(&mut self, audited: Audited) {
        self.audited = Some(Box::new(audited));
    }

    /// These bytes of the request's body came.
    fn saw(&mut self, data: &[u8]) {
        if let Some(audited) = &mut self.audited {
            audited.saw(data);
        }
    }

    /// The call ends with `code`. Answers with how long it took.
    pub(crate) fn end(&mut self, code: Code) -> Duration {
        let took = self.began.elapsed();
        if let Some(audited) = self.audited.take() {
            audited.end(code, took);
        }
        if let (Some(method), false) = (&self.method, std::mem::replace(&mut self.ended, true)) {
            method.finished(code, took);
        }
        if let Some(span) = self.span.take() {
            span.end(code);
        }
        took
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Code::Cancelled);
        }
    }
}

impl Ended<'_> {
    /// Logs the call if it took longer than `warn_after`, or if everything is logged.
    pub(crate) fn log(self, warn_after: Duration) {
        if self.took > warn_after {
            self.say::<true>();
        } else if tracing::enabled!(tracing::Level::DEBUG) {
            self.say::<false>();
        }
    }

    fn say<const SLOW: bool>(self) {
        let Ended { path, request, answer_bytes, remote, took } = self;
        let began = time_stamp(SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH));
        let remote = remote.to_string();
        let request_bytes = request.len();
        let answer_bytes = answer_bytes.unwrap_or(0);
        let content = describe::request(path, request);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    "start time" = began,
                    "time spent" = ?took,
                    remote,
                    "response type" = path,
                    "request size" = request_bytes,
                    "response size" = answer_bytes,
                    "request content" = content,
                    "request stats"
                )
            };
        }
        if SLOW { line!(warn) } else { line!(debug) }
    }
}
