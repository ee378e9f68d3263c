//! Calls by gRPC method, under the names of the Go middleware that etcd uses.
//!
//! Every series exists from the start, at zero: a rate over a series that appears with its first error misses
//! that error. The handles of a method are resolved once for a call; counting is then atomics only.

use super::{
    MetricsLevel,
    registrar::Registrar,
    rpcs::{Flow, SERVICES},
};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Codes of gRPC in the order of their numbers, as the `grpc_code` label has them.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
const LABELS: &[&str] = &["grpc_type", "grpc_service", "grpc_method"];

/// Handles of all methods.
#[derive(Debug)]
pub struct GrpcMetrics {
    by_path: HashMap<Box<str>, Arc<GrpcMethod>>,
}

/// Handles of one method.
#[derive(Debug)]
pub struct GrpcMethod {
    flow: Flow,
    started: IntCounter,
    received: IntCounter,
    sent: IntCounter,
    handled: [IntCounter; CODES.len()],
    handling: Option<Histogram>,
}

impl GrpcMetrics {
    pub(super) fn new(to: &Registrar<'_>, level: MetricsLevel) -> Self {
        let started = to.counters("grpc_server_started_total", "Calls begun.", LABELS);
        let received = to.counters("grpc_server_msg_received_total", "Messages of clients received.", LABELS);
        let sent = to.counters("grpc_server_msg_sent_total", "Messages sent to clients.", LABELS);
        let with_code = [LABELS, &["grpc_code"]].concat();
        let handled = to.counters("grpc_server_handled_total", "Calls ended, by code.", &with_code);
        let handling = (level == MetricsLevel::Extensive).then(|| handling_times(to));
        let mut by_path = HashMap::new();
        for (service, methods) in SERVICES {
            for (method, flow) in *methods {
                let labels = [flow.label(), *service, *method];
                let handles = GrpcMethod {
                    flow: *flow,
                    started: started.with_label_values(&labels),
                    received: received.with_label_values(&labels),
                    sent: sent.with_label_values(&labels),
                    handled: CODES
                        .map(|code| handled.with_label_values(&[labels[0], labels[1], labels[2], code])),
                    handling: handling.as_ref().map(|family| family.with_label_values(&labels)),
                };
                by_path.insert(format!("/{service}/{method}").into(), Arc::new(handles));
            }
        }
        GrpcMetrics { by_path }
    }

    /// The handles of the method at `path`, as in `/etcdserverpb.KV/Put`; `None` when there is no such method.
    pub fn method(&self, path: &str) -> Option<&Arc<GrpcMethod>> {
        self.by_path.get(path)
    }
}

/// Handling times have bounds of their own: those of the Go library.
fn handling_times(to: &Registrar<'_>) -> HistogramVec {
    let bounds = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let options = HistogramOpts::new("grpc_server_handling_seconds", "Time that calls took, in seconds.");
    to.add(HistogramVec::new(options.buckets(bounds), LABELS))
}

impl GrpcMethod {
    /// Whether more than one message goes in some direction.
    pub fn is_stream(&self) -> bool {
        self.flow != Flow::Unary
    }

    /// A call has begun.
    pub fn started(&self) {
        self.started.inc();
    }

    /// Messages came from the client.
    pub fn received(&self, messages: u64) {
        self.received.inc_by(messages);
    }

    /// Messages went to the client.
    pub fn sent(&self, messages: u64) {
        self.sent.inc_by(messages);
    }

    /// A call has ended.
    pub fn finished(&self, code: tonic::Code, took: Duration) {
        self.handled[code as usize].inc();
        if let Some(handling) = &self.handling {
            handling.observe(took.as_secs_f64());
        }
    }
}
