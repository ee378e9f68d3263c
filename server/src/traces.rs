//! Traces: a span for each call of the gRPC services, sent to a collector by the OpenTelemetry protocol.
//!
//! Which calls are traced is decided where a call comes in: one whose caller traces it (a `traceparent` header) as the caller
//! has decided, of the others so many in a million. Spans are sent by a thread of the library, in batches; what does not
//! fit its queue is dropped, so that a collector that is slow, or gone, holds nobody up. Off, it costs a look at an empty
//! cell a call.

use crate::config::TracingConfig;
use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator},
    trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use std::{sync::OnceLock, time::Duration};
use tonic::Code;

/// Longest time that a span waits to be sent.
const DELAY: Duration = Duration::from_secs(1);
/// Longest time that a stop waits for the collector.
const PATIENCE: Duration = Duration::from_secs(2);
const MILLION: f64 = 1_000_000.0;

/// The traces of one member; nothing until [`Traces::start`].
#[derive(Debug, Default)]
pub(crate) struct Traces(OnceLock<Running>);

#[derive(Debug)]
struct Running {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The span of one call.
pub(crate) struct Span(opentelemetry_sdk::trace::Span);

impl Traces {
    /// Begins to trace. Needs a tokio runtime; whether the collector is there is not looked at.
    ///
    /// # Errors
    /// When the address cannot be one.
    pub(crate) fn start(&self, config: &TracingConfig) -> Result<(), String> {
        let address = format!("http://{}", config.address);
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(address).build();
        let exporter =
            exporter.map_err(|error| format!("cannot send traces to {}: {error}", config.address))?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(DELAY).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let mut resource = Resource::builder().with_service_name(config.service.clone());
        if !config.instance.is_empty() {
            resource = resource.with_attribute(KeyValue::new("service.instance.id", config.instance.clone()));
        }
        let ratio = Sampler::TraceIdRatioBased(f64::from(config.samples_per_million) / MILLION);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .build();
        let tracer = provider.tracer("etcd");
        // A member starts once.
        let _ = self.0.set(Running { provider, tracer });
        tracing::info!(
            address = config.address,
            "service-name" = config.service,
            "sampling-rate" = config.samples_per_million,
            "distributed tracing enabled"
        );
        Ok(())
    }

    /// The span of a call of the method at `path`, if it is traced.
    pub(crate) fn begin(&self, path: &str, headers: &HeaderMap) -> Option<Span> {
        let tracer = &self.0.get()?.tracer;
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let (service, method) = path.trim_start_matches('/').split_once('/')?;
        let span = tracer
            .span_builder(path.trim_start_matches('/').to_owned())
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service.to_owned()),
                KeyValue::new("rpc.method", method.to_owned()),
            ])
            .start_with_context(tracer, &parent);
        span.span_context().is_sampled().then_some(Span(span))
    }

    /// Sends what waits, and ends. Blocks for two seconds at most.
    pub(crate) fn stop(&self) {
        if let Some(running) = self.0.get()
            && let Err(error) = running.provider.shutdown_with_timeout(PATIENCE)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

impl Span {
    /// The call has ended.
    pub(crate) fn end(mut self, code: Code) {
        self.0.set_attribute(KeyValue::new("rpc.grpc.status_code", code as i64));
        // As the conventions have it, what the caller did wrong is no failure of this side.
        let ours = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if ours {
            self.0.set_status(Status::error(code.description()));
        }
        self.0.end();
    }
}

/// The headers of a call, for the library.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
